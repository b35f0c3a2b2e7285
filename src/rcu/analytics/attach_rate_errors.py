"""Refusals of questions on the attach rate."""

from __future__ import annotations

from rcu.errors import RcuError


class TooManyGroupsError(RcuError):
    """The answer would have too many rows."""

    status = 422
    code = "too_many_groups"

    def __init__(self, most: int) -> None:
        """Say how many there may be."""
        super().__init__(
            f"The answer would have more than {most} rows: ask for fewer days, for some stores "
            "only, or group by less."
        )


class FiguresTooCostlyError(RcuError):
    """The figures take too long to work out."""

    status = 422
    code = "figures_too_costly"

    def __init__(self) -> None:
        """Say how to ask for less."""
        super().__init__(
            "The figures take too long to work out: ask for fewer days, or once the service has "
            "counted what has just come, and the past as far back as as_of."
        )


class TooManyToDrawError(RcuError):
    """A chart of so many groups could not be read."""

    status = 422
    code = "too_many_to_draw"

    def __init__(self, groups: int, most: int) -> None:
        """Say how many there are, and may be."""
        super().__init__(
            f"A chart of {groups} groups cannot be read: draw {most} at most, or write a .csv."
        )

"""Refusals of the clients domain."""

from __future__ import annotations

from rcu.errors import FieldError, RcuError


class SearchTooVagueError(RcuError):
    """What was typed could be almost anybody: the answer says what to add."""

    status = 422
    code = "search_too_vague"

    def __init__(self) -> None:
        """Say what to add; what was typed is not repeated."""
        super().__init__(
            "Add at least two letters of a name, four digits at the end of a phone number, "
            "or a whole birth date.",
            errors=[FieldError(field="/text", reason="Too little to search by", code=self.code)],
        )


class IdentifierUnreadableError(RcuError):
    """The value designates nobody: unreadable, a filler, or its check digit fails."""

    status = 422
    code = "identifier_unreadable"

    def __init__(self, field: str) -> None:
        """Name the field; its value is not repeated."""
        super().__init__(
            f"The {field} designates nobody: it is unreadable as one, a filler, or its check "
            "digit fails. Ask for it again.",
            errors=[FieldError(field=f"/{field}", reason="Designates nobody", code=self.code)],
        )

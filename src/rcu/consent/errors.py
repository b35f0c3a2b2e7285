"""Refusals of consents."""

from __future__ import annotations

from rcu.errors import FieldError, RcuError


class UnknownPurposeError(RcuError):
    """No purpose has the code that a statement names."""

    status = 422
    code = "unknown_purpose"

    def __init__(self, code: str, *, field: str) -> None:
        """Name the code, and the field that holds it."""
        super().__init__(
            f"No purpose has the code {code}: GET /v1/purposes lists them.",
            errors=[FieldError(field, "Not the code of a purpose.", code=self.code)],
        )


class PurposeExistsError(RcuError):
    """A purpose with this code exists already and says something else."""

    status = 409
    code = "purpose_exists"

    def __init__(self, code: str) -> None:
        """Name the code."""
        super().__init__(
            f"The purpose {code} exists already, with other names, another ground or other "
            "channels. A purpose is never changed: add another one."
        )

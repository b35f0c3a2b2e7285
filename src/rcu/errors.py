"""The refusals of the service: what every error says of itself, to code, to logs and over HTTP.

Over HTTP an error is a problem document (RFC 9457). This module knows nothing of HTTP but the
status numbers, so that pure modules may raise its errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Literal

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that was refused. It says where and why, and never what was sent."""

    field: str
    """JSON pointer (RFC 6901) in the body, or the name of a parameter; "" is the whole body."""
    reason: str
    """One sentence. It may hold limits of the schema, never the value received."""
    code: str = "invalid"
    """Stable word for programs, such as `missing` or `string_too_long`."""
    location: Literal["body", "query", "path", "header"] = "body"


class RcuError(Exception):
    """A refusal that the caller is told of. The message holds ids and amounts, no personal data.

    Subclasses set `status` (the HTTP status) and `code` (a stable word, snake case).
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Say `detail` to the caller, with `extra` members of the problem and HTTP `headers`."""
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.extra = dict(extra or {})
        self._headers = dict(headers or {})

    @property
    def headers(self) -> dict[str, str]:
        """Return the HTTP headers of the answer, such as `Retry-After`."""
        return self._headers


class ValidationFailedError(RcuError):
    """The request is well-formed JSON, but fields are missing, unknown or out of bounds."""

    status = 422
    code = "validation_failed"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        """Name the refused fields."""
        number = len(errors)
        super().__init__(
            "1 field was refused." if number == 1 else f"{number} fields were refused.",
            errors=errors,
        )


class FieldValueError(ValueError):
    """Raised by a schema's validator with a fixed sentence that is safe to send back.

    The text of any other `ValueError` is replaced before it leaves the service, since it may
    quote the value.
    """


def problem_type(code: str) -> str:
    """Return the stable `type` of a problem, a path of this service that explains it."""
    return "/problems/" + code.replace("_", "-")


def problem_title(code: str) -> str:
    """Return the short human sentence of a problem; it never changes between occurrences."""
    return code.replace("_", " ").capitalize()


def problem(error: RcuError, *, request_id: str | None = None) -> dict[str, Any]:
    """Return the RFC 9457 members that describe `error`."""
    document = _members(
        status=error.status, code=error.code, detail=error.detail, request_id=request_id
    )
    if error.errors:
        document["errors"] = [asdict(refused) for refused in error.errors]
    return error.extra | document


def _members(*, status: int, code: str, detail: str, request_id: str | None) -> dict[str, Any]:
    return {
        "type": problem_type(code),
        "title": problem_title(code),
        "status": status,
        "detail": detail,
    } | ({"request_id": request_id} if request_id else {})


def problems(*errors: type[RcuError]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of an endpoint that may raise these errors."""
    by_status: dict[int, list[type[RcuError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {status: _response(status, group) for status, group in sorted(by_status.items())}


def _response(status: int, errors: Sequence[type[RcuError]]) -> dict[str, Any]:
    return {
        "description": " ".join(_first_sentence(error) for error in errors),
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": PROBLEM_SCHEMA,
                "examples": {error.code: {"value": _example(status, error)} for error in errors},
            }
        },
    }


def _first_sentence(error: type[RcuError]) -> str:
    document = (error.__doc__ or HTTPStatus(error.status).phrase).strip()
    return document.split("\n", 1)[0]


def _example(status: int, error: type[RcuError]) -> dict[str, Any]:
    return _members(status=status, code=error.code, detail=_first_sentence(error), request_id=None)

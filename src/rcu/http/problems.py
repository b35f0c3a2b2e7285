"""Problem documents: every error as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from rcu.errors import (
    PROBLEM_MEDIA_TYPE,
    FieldError,
    RcuError,
    ValidationFailedError,
    problem,
)
from rcu.http.errors import (
    BodyTooLargeError,
    MalformedRequestError,
    MethodNotAllowedError,
    NotFoundError,
    RequestRefusedError,
    UnexpectedError,
    UnsupportedMediaTypeError,
)
from rcu.validation import MAX_REPORTED_ERRORS, Location, field_errors

if TYPE_CHECKING:
    from starlette.types import Message


class ProblemField(BaseModel):
    """One refused field."""

    field: str = Field(description="JSON pointer in the body, or name of the parameter.")
    reason: str = Field(description="Why, without the value that was sent.")
    code: str = Field(description="Stable word for programs, such as `missing`.")
    location: Location


class Problem(BaseModel):
    """An error, as a problem document (RFC 9457). Some kinds have further members."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Stable identifier of the kind of problem.")
    title: str
    status: int
    detail: str
    request_id: str = Field(description="Say it when you ask for help; logs are found by it.")
    errors: list[ProblemField] = Field(default=[], description="The fields that were refused.")


_BY_STATUS: Final[dict[int, type[RcuError]]] = {
    error.status: error
    for error in (
        MalformedRequestError,
        NotFoundError,
        MethodNotAllowedError,
        UnsupportedMediaTypeError,
    )
}
_DETAILS: Final = {
    400: "The request cannot be read.",
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    415: "The body is not application/json.",
}


def as_refusal(error: Exception, *, max_body_bytes: int) -> RcuError | None:
    """Return the refusal that `error` stands for, or None when it is unexpected."""
    if isinstance(error, RcuError):
        return error
    if isinstance(error, RequestValidationError):
        return ValidationFailedError(_request_field_errors(error))
    if isinstance(error, HTTPException):
        return _http_refusal(error, max_body_bytes=max_body_bytes)
    if isinstance(error, ClientDisconnect):
        return MalformedRequestError("The connection was closed before the body had arrived.")
    return None


def _http_refusal(error: HTTPException, *, max_body_bytes: int) -> RcuError:
    if error.status_code == BodyTooLargeError.status:
        return BodyTooLargeError(max_body_bytes)
    if error.status_code >= UnexpectedError.status:
        return UnexpectedError()
    kind = _BY_STATUS.get(error.status_code, RequestRefusedError)
    detail = _DETAILS.get(error.status_code, "The request was refused.")
    return kind(detail, headers=error.headers)


def _request_field_errors(error: RequestValidationError) -> list[FieldError]:
    told: list[FieldError] = []
    for failure in error.errors():
        location, *place = failure["loc"]
        if location == "body":
            told += field_errors([failure | {"loc": place}], error.body)
        else:
            told += field_errors(
                [failure | {"loc": place}],
                dict.fromkeys(place[:1]),
                location=cast("Location", location),
            )
    return [
        refused
        if refused.location == "body"
        else FieldError(
            refused.field.removeprefix("/"), refused.reason, refused.code, refused.location
        )
        for refused in told[:MAX_REPORTED_ERRORS]
    ]


def problem_body(error: RcuError, *, request_id: str) -> bytes:
    """Return the problem document of `error`, as JSON."""
    return orjson.dumps(problem(error, request_id=request_id), default=str)


def problem_messages(error: RcuError, *, request_id: str) -> tuple[Message, Message]:
    """Return the ASGI messages that answer with the problem document of `error`."""
    body = problem_body(error, request_id=request_id)
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", PROBLEM_MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        *(
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in error.headers.items()
        ),
    ]
    start: dict[str, Any] = {
        "type": "http.response.start",
        "status": error.status,
        "headers": headers,
    }
    return start, {"type": "http.response.body", "body": body}

"""Refusals that belong to HTTP itself, whatever the operation."""

from __future__ import annotations

from rcu.errors import RcuError


class MalformedRequestError(RcuError):
    """The request cannot be read: not JSON, not gzip, or an encoding that is not UTF-8."""

    status = 400
    code = "malformed_request"


class BodyTooLargeError(RcuError):
    """The body is over the size limit, as sent or once unzipped."""

    status = 413
    code = "body_too_large"

    def __init__(self, limit_bytes: int) -> None:
        """Say the limit. The connection is closed: the rest of the body is never read."""
        super().__init__(
            f"The body is over {limit_bytes} bytes.",
            extra={"limit_bytes": limit_bytes},
            headers={"Connection": "close"},
        )


class UnsupportedMediaTypeError(RcuError):
    """The body is not application/json, or is compressed in another way than gzip."""

    status = 415
    code = "unsupported_media_type"


class NotFoundError(RcuError):
    """There is nothing at this address."""

    status = 404
    code = "not_found"


class MethodNotAllowedError(RcuError):
    """This address does not take this method."""

    status = 405
    code = "method_not_allowed"


class RequestRefusedError(RcuError):
    """The request was refused before it reached an operation."""

    status = 400
    code = "request_refused"


class UnexpectedError(RcuError):
    """Something went wrong in the service. It was logged under the request id."""

    status = 500
    code = "internal_error"

    def __init__(self) -> None:
        """Say nothing of the cause: it may quote personal data."""
        super().__init__("Something went wrong in the service; it was logged under request_id.")


class NotReadyError(RcuError):
    """The service runs but cannot serve yet."""

    status = 503
    code = "not_ready"

    def __init__(self, detail: str) -> None:
        """Say what is missing."""
        super().__init__(detail, headers={"Retry-After": "2"})

"""Refusals of access."""

from __future__ import annotations

from rcu.errors import RcuError

_REALM = 'Bearer realm="rcu"'


class NotAuthenticatedError(RcuError):
    """The request carries no API key, or one that is mistyped, unknown or revoked."""

    status = 401
    code = "not_authenticated"

    def __init__(self, *, presented: bool) -> None:
        """Answer the same for every bad key, so that nothing can be learned by trying."""
        if presented:
            super().__init__(
                "The API key is mistyped, unknown or revoked.",
                headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'},
            )
        else:
            super().__init__(
                "Send an API key: Authorization: Bearer rcu_...",
                headers={"WWW-Authenticate": _REALM},
            )


class InsufficientScopeError(RcuError):
    """The API key does not hold the scope that this operation needs."""

    status = 403
    code = "insufficient_scope"

    def __init__(self, missing: str) -> None:
        """Name the missing scope."""
        super().__init__(
            f"The API key lacks the scope {missing}.",
            extra={"missing_scope": missing},
            headers={
                "WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{missing}"'
            },
        )


class ForeignSourceError(RcuError):
    """The API key may write as its own source only, and the message names another one."""

    status = 403
    code = "foreign_source"

    def __init__(self, *, own: str, named: str) -> None:
        """Name the key's source and the one it tried to write as."""
        super().__init__(f"This API key writes as source {own}, not as {named}.")


class SourceNotFoundError(RcuError):
    """No source has this code."""

    status = 404
    code = "source_not_found"

    def __init__(self, code: str) -> None:
        """Name the unknown source code."""
        super().__init__(f"There is no source {code}.")


class SourceExistsError(RcuError):
    """A source with this code exists already, with another name or kind."""

    status = 409
    code = "source_exists"

    def __init__(self, code: str) -> None:
        """Name the source code."""
        super().__init__(f"The source {code} exists already, with another name or kind.")


class SourceCodeError(RcuError):
    """The code of a source is not a short lower-case name."""

    status = 422
    code = "source_code"

    def __init__(self) -> None:
        """Say what a code looks like."""
        super().__init__(
            "The code of a source starts with a letter and holds a-z, 0-9 and _, 32 at most."
        )


class ApiKeyNotFoundError(RcuError):
    """No API key has this public id."""

    status = 404
    code = "api_key_not_found"

    def __init__(self, public_id: str) -> None:
        """Name the public id of the key."""
        super().__init__(f"There is no API key {public_id}.")


class ApiKeyOwnerError(RcuError):
    """An API key belongs to one source or to one reader, and only a source's key may ingest."""

    status = 422
    code = "api_key_owner"

"""Who is calling, and may they: what endpoints declare as a dependency.

An endpoint asks for `caller: Annotated[Caller, requires(Scope.CLIENTS_READ)]`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from fastapi import Depends
from starlette.requests import Request

from rcu import metrics
from rcu.access.caller import Caller
from rcu.access.errors import InsufficientScopeError, NotAuthenticatedError
from rcu.access.keyring import Keyring
from rcu.access.keys import read_key
from rcu.access.models import Scope
from rcu.context import current_request

_CALLER: Final = "rcu.caller"
_BEARER: Final = b"bearer "


async def authenticate(request: Request) -> Caller:
    """Return who presents the API key of this request; raise `NotAuthenticatedError` otherwise.

    Called before the body is read, and again by the dependency, which then finds the answer.
    """
    known: Caller | None = request.scope.get(_CALLER)
    if known is not None:
        return known
    keyring: Keyring = request.app.state.keyring
    caller = await _recognise(presented_key(request), keyring)
    request.scope[_CALLER] = caller
    context = current_request.get()
    if context is not None:
        context.key_id = caller.key_id
    return caller


def presented_key(request: Request) -> str:
    """Return the text of the bearer token; raise `NotAuthenticatedError` when there is none."""
    for name, value in request.scope["headers"]:
        if name == b"authorization":
            if value[: len(_BEARER)].lower() != _BEARER:
                break
            text: str = value[len(_BEARER) :].decode("latin-1")
            return text.strip()
    metrics.count_authentication_failure("missing")
    raise NotAuthenticatedError(presented=False)


async def _recognise(text: str, keyring: Keyring) -> Caller:
    presented = read_key(text)
    if presented is None:
        metrics.count_authentication_failure("malformed")
        raise NotAuthenticatedError(presented=True)
    stored = await keyring.find(presented.public_id)
    if stored is None or not presented.opens(stored.secret_hash):
        metrics.count_authentication_failure("unknown")
        raise NotAuthenticatedError(presented=True)
    return stored.caller


class ScopeRequirement:
    """A dependency that gives the caller when its key holds `scope`."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Caller | None:
        """Return the caller; raise 401 without a good key and 403 without the scope."""
        caller: Caller = request.scope.get(_CALLER) or await authenticate(request)
        if self.scope not in caller.scopes:
            metrics.count_authentication_failure("scope")
            raise InsufficientScopeError(self.scope.value)
        return caller


@cache
def _requirement(scope: Scope) -> ScopeRequirement:
    return ScopeRequirement(scope)


def requires(scope: Scope) -> Any:
    """Declare that an endpoint is open to keys that hold `scope`, and give it the caller."""
    return Depends(_requirement(scope))

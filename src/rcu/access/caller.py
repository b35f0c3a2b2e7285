"""The caller of the service: which key, for which source or reader, with which scopes."""

from __future__ import annotations

from dataclasses import dataclass

from rcu.access.errors import ForeignSourceError
from rcu.access.models import Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: the key it presented, and what that key allows."""

    key_id: str
    """Public id of the key: safe in logs."""
    source: str | None
    """The source this key writes as; None for a reader's key."""
    reader: str | None
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        """How histories name the caller."""
        return f"key:{self.key_id}"

    def may(self, scope: Scope) -> bool:
        """Say whether the key holds `scope`."""
        return scope in self.scopes

    def writes_as(self, named: str | None = None) -> str:
        """Return the source this caller writes as; `named`, if given, must be that one."""
        if self.source is None:
            raise ForeignSourceError(own="none", named=named or "any")
        if named is not None and named != self.source:
            raise ForeignSourceError(own=self.source, named=named)
        return self.source

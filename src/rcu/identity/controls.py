"""What stewards and brakes say of identifiers and sources: an input of the partition.

As records and judgements are. A write reads it once it has its locks, with the versions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch
from rcu.identity.braking import Brakes
from rcu.identity.placing import IdentifierKey


@dataclass(slots=True)
class Controls:
    """What is declared of the identifiers looked at so far."""

    declared: dict[IdentifierKey, bool] = field(default_factory=dict)
    """Whether an identifier is shared, by declaration; one that is not here has none."""
    has_declarations: bool = False
    """Whether any identifier at all is declared: else there is nothing to ask for."""
    known: set[IdentifierKey] = field(default_factory=set)
    """Identifiers that were asked for."""
    brakes: Brakes = field(default_factory=Brakes)

    async def learn(self, session: AsyncSession, identifiers: Collection[IdentifierKey]) -> None:
        """Find out what is declared of further identifiers."""
        unknown = set(identifiers) - self.known
        self.known |= unknown
        if unknown and self.has_declarations:
            self.declared |= await find_declared(session, unknown)

    def is_shared(self, identifier: IdentifierKey) -> bool | None:
        """Return whether an identifier is declared shared; None when its holders tell."""
        return self.declared.get(identifier)


_DECLARED = """
    SELECT kind, value, status = 'shared'
    FROM unnest($1::text[], $2::text[]) AS wanted (kind, value)
    JOIN identifier_declaration d USING (kind, value)
    WHERE d.revoked_at IS NULL
"""


ALL_DECLARED: Final = """
    SELECT kind, value, status = 'shared' FROM identifier_declaration WHERE revoked_at IS NULL
"""
"""Every identifier that is declared, and whether it is shared."""


async def find_declared(
    session: AsyncSession, identifiers: Collection[IdentifierKey]
) -> dict[IdentifierKey, bool]:
    """Return whether each of the identifiers is shared, of those that are declared at all."""
    if not identifiers:
        return {}
    rows = await fetch(session, _DECLARED, *columns(sorted(identifiers)))
    return {(kind, value): is_shared for kind, value, is_shared in rows}


_ANY: Final = "any"
_DECLARATION: Final = "declared"
_BRAKED: Final = "braked"
_BRAKED_SOURCE: Final = "braked source"
_CONTROLS = f"""
    SELECT '{_ANY}', NULL, NULL, 1
    WHERE EXISTS (SELECT FROM identifier_declaration WHERE revoked_at IS NULL)
    UNION ALL
    SELECT CASE scope WHEN 'source' THEN '{_BRAKED_SOURCE}' ELSE '{_BRAKED}' END, kind, value, 1
    FROM merge_brake WHERE released_at IS NULL
"""  # noqa: S608 - made of constants of this module


def controls_of(
    rows: Iterable[tuple[str, str, str, int]], *, known: Iterable[IdentifierKey] = ()
) -> Controls:
    """Return what rows `(what, one, other, number)` say, as the database tells of controls.

    `known` are the identifiers whose declarations are among the rows, if they have any.
    """
    controls = Controls(known=set(known))
    for what, one, other, number in rows:
        if what == _DECLARATION:
            controls.declared[one, other] = bool(number)
        elif what == _BRAKED:
            controls.brakes.identifiers.add((one, other))
        elif what == _BRAKED_SOURCE:
            controls.brakes.sources.add(other)
        elif what == _ANY:
            controls.has_declarations = True
    return controls


async def read_controls(session: AsyncSession) -> Controls:
    """Return the brakes that are on, and what is declared of no identifier yet."""
    return controls_of(tuple(row) for row in await fetch(session, _CONTROLS))

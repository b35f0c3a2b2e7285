"""What stewards and brakes say of identifiers and sources: an input of the partition.

As records and judgements are. A write reads it once it has its locks, with the versions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.statements import columns, fetch
from rcu.identity.braking import Brakes
from rcu.identity.placing import IdentifierKey
from rcu.identity.repository import RecordKey


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


# Versions and controls travel together: a write asks for both once it has its locks, in one trip.
_VERSION: Final = "version"
_DECLARATION: Final = "declared"
_ANY: Final = "any"
_BRAKED: Final = "braked"
_BRAKED_SOURCE: Final = "braked source"
_AFTER_LOCKS = f"""
    SELECT '{_VERSION}', source, external_id, version::int
    FROM unnest($1::text[], $2::text[]) AS wanted (source, external_id)
    JOIN source_record r USING (source, external_id)
    UNION ALL
    SELECT '{_DECLARATION}', kind, value, (status = 'shared')::int
    FROM unnest($3::text[], $4::text[]) AS held (kind, value)
    JOIN identifier_declaration d USING (kind, value)
    WHERE d.revoked_at IS NULL
    UNION ALL
    SELECT '{_ANY}', NULL, NULL, 1
    WHERE EXISTS (SELECT FROM identifier_declaration WHERE revoked_at IS NULL)
    UNION ALL
    SELECT CASE scope WHEN 'source' THEN '{_BRAKED_SOURCE}' ELSE '{_BRAKED}' END, kind, value, 1
    FROM merge_brake WHERE released_at IS NULL
"""  # noqa: S608 - made of constants of this module


async def read_after_locks(
    session: AsyncSession,
    keys: Collection[RecordKey],
    identifiers: Collection[IdentifierKey],
) -> tuple[Mapping[RecordKey, int], Controls]:
    """Return the version of each record that exists, and the controls over identifiers."""
    rows = await fetch(session, _AFTER_LOCKS, *_halves(keys), *_halves(identifiers))
    versions: dict[RecordKey, int] = {}
    controls = Controls(known=set(identifiers))
    for what, one, other, number in rows:
        if what == _VERSION:
            versions[one, other] = number
        elif what == _DECLARATION:
            controls.declared[one, other] = bool(number)
        elif what == _BRAKED:
            controls.brakes.identifiers.add((one, other))
        elif what == _BRAKED_SOURCE:
            controls.brakes.sources.add(other)
        else:
            controls.has_declarations = True
    return versions, controls


async def read_controls(session: AsyncSession) -> Controls:
    """Return the brakes that are on, and what is declared of no identifier yet."""
    _, controls = await read_after_locks(session, (), ())
    return controls


def _halves(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    ordered = sorted(pairs)
    return [one for one, _ in ordered], [other for _, other in ordered]

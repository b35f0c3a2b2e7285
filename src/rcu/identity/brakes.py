"""The merge brake in the database: merges counted by what they rest on, and brakes that trip."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu import metrics
from rcu.db.errors import StaleReadError
from rcu.db.locks import lock_key
from rcu.db.statements import columns, fetch
from rcu.identity.adoption import MergeMade
from rcu.identity.blocking import identifier_key
from rcu.identity.brake_models import BrakeScope
from rcu.identity.braking import BrakeLimits, Brakes
from rcu.identity.drafts import Draft
from rcu.identity.forming import Formed
from rcu.identity.neighbourhood import Neighbourhood
from rcu.identity.pairs import Component
from rcu.identity.placing import IdentifierKey
from rcu.identity.scoring import Decision
from rcu.ids import uuid7
from rcu.logs import get_logger

log = get_logger(__name__)


class Basis(NamedTuple):
    """An identifier or a source that a merge rests on. `kind` is empty for a source."""

    scope: BrakeScope
    kind: str
    value: str

    @property
    def hashed(self) -> int:
        """The number by which it is counted."""
        if self.scope is BrakeScope.SOURCE:
            return lock_key("merges of source", self.value)
        return identifier_key(self.kind, self.value)


@dataclass(frozen=True, slots=True)
class Merge:
    """A client with a profile that went over to another, and what this rests on."""

    change_id: UUID
    client_id: UUID
    bases: frozenset[Basis]


def merges_of(
    made: Sequence[MergeMade],
    component: Component,
    drafts: Mapping[UUID, Draft],
    formed: Formed,
    near: Neighbourhood,
) -> list[Merge]:
    """Return the merges of clients that were known before, with what they rest on.

    That is the source of each record written in the new client, and each identifier on both sides
    of a link between what came over, what was there, and what is written.
    """
    if not made:
        return []
    client_before = {record.id: record.client_id for record in component.records}
    return [
        Merge(
            merge.change_id,
            merge.from_client_id,
            _sources_of(merge.client_id, drafts, formed)
            | _identifiers_of(merge, client_before, drafts, formed, near),
        )
        for merge in made
        if merge.from_client_id in client_before.values()
    ]


def _sources_of(client_id: UUID, drafts: Mapping[UUID, Draft], formed: Formed) -> frozenset[Basis]:
    return frozenset(
        Basis(BrakeScope.SOURCE, "", draft.key[0])
        for draft in drafts.values()
        if formed.client_of[draft.id] == client_id
    )


def _identifiers_of(
    merge: MergeMade,
    client_before: Mapping[UUID, UUID],
    drafts: Mapping[UUID, Draft],
    formed: Formed,
    near: Neighbourhood,
) -> frozenset[Basis]:
    found: set[IdentifierKey] = set()
    for (a, b), score in formed.scores.items():
        if (
            score.decision is Decision.LINK
            and formed.client_of.get(a) == formed.client_of.get(b) == merge.client_id
            and (
                not drafts.keys().isdisjoint((a, b)) or client_before.get(a) != client_before.get(b)
            )
        ):
            found |= formed.identifiers_of(a) & formed.identifiers_of(b)
    return frozenset(
        Basis(BrakeScope.IDENTIFIER, *identifier) for identifier in found - near.shared
    )


# --- counting -------------------------------------------------------------------------------------

# What was merged before the last release of a brake was looked at by a steward.
_COUNT = """
    WITH named AS (
        SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::uuid[])
            AS n (basis, change_id, client_id)
    ), added AS (
        INSERT INTO merge_basis (basis, change_id, client_id, made_at)
        SELECT basis, change_id, client_id, $4 FROM named
    ), since AS (
        SELECT basis, greatest($5, (
            SELECT max(b.released_at) FROM merge_brake b WHERE b.basis = named.basis
        )) AS counted_from
        FROM named GROUP BY basis
    )
    SELECT since.basis, since.counted_from, (
        SELECT count(*) FROM (
            SELECT client_id FROM merge_basis m
            WHERE m.basis = since.basis AND m.made_at > since.counted_from
            UNION
            SELECT client_id FROM named WHERE named.basis = since.basis
        ) AS merged
    )
    FROM since
"""


async def watch_merges(
    session: AsyncSession, merges: Collection[Merge], *, limits: BrakeLimits, at: datetime
) -> None:
    """Count merges by what they rest on, and put a brake on what merges too many.

    The merges themselves stand: the brake holds back what comes after.
    """
    bases = {basis.hashed: basis for merge in merges for basis in merge.bases}
    if not bases:
        return
    rows = [
        (basis.hashed, merge.change_id, merge.client_id)
        for merge in merges
        for basis in sorted(merge.bases)
    ]
    for hashed, counted_from, count in await fetch(
        session, _COUNT, *columns(rows), at, at - limits.window
    ):
        basis = bases[hashed]
        if await _is_too_many(session, basis, count, counted_from, limits):
            await _trip(session, basis, count, counted_from, at=at)


# Ids of records begin with the time at which they were made, in milliseconds.
_NEW_RECORDS = """
    SELECT count(*) FROM (
        SELECT FROM source_record
        WHERE id >= $2 AND source = $1 AND kind = 'profile' LIMIT $3
    ) AS made
"""


async def _is_too_many(
    session: AsyncSession, basis: Basis, count: int, since: datetime, limits: BrakeLimits
) -> bool:
    if basis.scope is BrakeScope.IDENTIFIER:
        return count > limits.identifier_merges
    if count <= limits.source_merges:
        return False
    enough = ceil(count / limits.source_share)
    [(new,)] = await fetch(session, _NEW_RECORDS, basis.value, _first_id(since), enough)
    return count > limits.most_of_source(new)


def _first_id(since: datetime) -> UUID:
    milliseconds = int(since.timestamp() * 1000)
    return UUID(int=milliseconds << 80)


_TRIP = """
    INSERT INTO merge_brake (id, scope, kind, value, basis, merges, counted_from, tripped_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (basis) WHERE released_at IS NULL DO NOTHING
    RETURNING id
"""


async def _trip(
    session: AsyncSession, basis: Basis, merges: int, counted_from: datetime, *, at: datetime
) -> None:
    brake_id = uuid7()
    if await fetch(session, _TRIP, brake_id, *basis, basis.hashed, merges, counted_from, at):
        metrics.count_merge_brake(basis.scope)
        source = basis.value if basis.scope is BrakeScope.SOURCE else None
        log.warning(
            "merge_brake.tripped",
            brake_id=str(brake_id),
            scope=str(basis.scope),
            kind=basis.kind or None,
            source=source,
            merges=merges,
        )


# --- holding back ---------------------------------------------------------------------------------

_CONFIRM = """
    SELECT scope, kind, value FROM merge_brake WHERE released_at IS NULL ORDER BY id FOR SHARE
"""


async def confirm_brakes(session: AsyncSession, brakes: Brakes) -> None:
    """Make sure that brakes are still on, for what they hold back to be found when they come off.

    They stay on until the transaction ends. Raises `StaleReadError`, upon which the edge tries
    again, when one of them came off meanwhile.
    """
    found = Brakes()
    for scope, kind, value in await fetch(session, _CONFIRM):
        if scope == BrakeScope.SOURCE:
            found.sources.add(value)
        else:
            found.identifiers.add((kind, value))
    if not (brakes.identifiers <= found.identifiers and brakes.sources <= found.sources):
        raise StaleReadError


# --- reading --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MergeBrake:
    """A brake, on or released."""

    id: UUID
    scope: BrakeScope
    kind: str | None
    value: str
    """The code of a source, or an identifier: personal data then."""
    merges: int
    counted_from: datetime
    tripped_at: datetime
    released_at: datetime | None
    released_by: UUID | None
    held_pairs: int
    """Pairs that wait for its release."""

    @property
    def basis(self) -> Basis:
        """What it stops."""
        return Basis(self.scope, self.kind or "", self.value)


HELD: Final = """
    SELECT p.left_id, p.right_id
    FROM record_pair p
    JOIN source_record l ON l.id = p.left_id JOIN source_record r ON r.id = p.right_id
    WHERE p.contradiction = 'brake' AND CASE b.scope
        WHEN 'source' THEN b.value IN (l.source, r.source)
        ELSE EXISTS (SELECT FROM identifier i WHERE i.record_id = p.left_id
                     AND (i.kind, i.value, i.origin) = (b.kind, b.value, 'profile'))
         AND EXISTS (SELECT FROM identifier i WHERE i.record_id = p.right_id
                     AND (i.kind, i.value, i.origin) = (b.kind, b.value, 'profile'))
    END
"""
"""SQL: the pairs that the brake `b` holds back."""

_LIST = f"""
    SELECT b.id, b.scope, nullif(b.kind, ''), b.value, b.merges, b.counted_from, b.tripped_at,
           b.released_at, b.released_by,
           CASE WHEN b.released_at IS NULL THEN (SELECT count(*) FROM ({HELD}) AS held) ELSE 0 END
    FROM merge_brake b
    WHERE ($1::bool IS NULL OR (b.released_at IS NULL) = $1) AND ($2::uuid IS NULL OR b.id < $2)
      AND ($3::uuid IS NULL OR b.id = $3)
    ORDER BY b.id DESC LIMIT $4
"""  # noqa: S608 - made of constants of this module


async def list_brakes(
    session: AsyncSession,
    *,
    active: bool | None = None,
    before: UUID | None = None,
    limit: int,
) -> list[MergeBrake]:
    """Return brakes, newest first; only those that are on, or off, when `active` says so."""
    rows = await fetch(session, _LIST, active, before, None, limit)
    return [_brake(tuple(row)) for row in rows]


async def find_brake(session: AsyncSession, brake_id: UUID) -> MergeBrake | None:
    """Return a brake, or None when there is none of this id."""
    rows = await fetch(session, _LIST, None, None, brake_id, 1)
    return next((_brake(tuple(row)) for row in rows), None)


def _brake(row: tuple[object, ...]) -> MergeBrake:
    brake_id, scope, *rest = row
    return MergeBrake(brake_id, BrakeScope(str(scope)), *rest)  # type: ignore[arg-type]


_HELD_BY = f"SELECT held.* FROM merge_brake b CROSS JOIN LATERAL ({HELD}) AS held WHERE b.id = $1"  # noqa: S608


async def list_held_pairs(session: AsyncSession, brake_id: UUID) -> set[tuple[UUID, UUID]]:
    """Return the pairs that a brake holds back."""
    return {(left, right) for left, right in await fetch(session, _HELD_BY, brake_id)}


_MERGES = """
    SELECT m.change_id FROM merge_brake b
    JOIN merge_basis m ON m.basis = b.basis AND m.made_at > b.counted_from
    JOIN identity_change c ON c.id = m.change_id
    WHERE b.id = $1 AND (b.released_at IS NULL OR m.made_at <= b.released_at)
      AND NOT EXISTS (
          SELECT FROM decision d WHERE d.undoes_change_id = m.change_id AND d.undone_by IS NULL
      )
    ORDER BY c.recorded_at, c.id
"""


async def list_merges_of(session: AsyncSession, brake_id: UUID) -> list[UUID]:
    """Return the changes by which what a brake stops had merged clients, the oldest first."""
    return [row["change_id"] for row in await fetch(session, _MERGES, brake_id)]

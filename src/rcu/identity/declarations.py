"""What stewards declare of identifiers: that one is shared, or one person's, or that nobody says.

A declaration is a decision like any other (`decisions`), about an identifier instead of pairs of
records. What holds of an identifier is derived: the last declaration by a decision that is not
undone. It is an input of the partition: every score asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.locks import lock_until_commit
from rcu.db.statements import columns, fetch
from rcu.identity import decisions, identifier_statuses
from rcu.identity.adoption import Cause
from rcu.identity.blocking import identifier_key
from rcu.identity.controls import find_declared
from rcu.identity.decision_models import DecisionKind
from rcu.identity.decisions import Decision, Instruction
from rcu.identity.errors import IdentifierChangedError
from rcu.identity.features import Features
from rcu.identity.identifier_models import DeclaredStatus, IdentifierStatus
from rcu.identity.identifier_statuses import NewStatus, StatusChange
from rcu.identity.model import Model
from rcu.identity.placing import PERSONAL, IdentifierKey
from rcu.identity.repository import list_records
from rcu.identity.rescoring import list_holding, list_pairs_of_holders, rescore
from rcu.identity.sharing import is_shared
from rcu.identity.stewardship import Decided, form_decided
from rcu.identity.turns import Turn, take_turn, wait_for_turn

_STATE = """
    INSERT INTO identifier_declaration (decision_id, kind, value, status, revoked_at)
    VALUES ($1, $2, $3, $4, $5)
"""


async def declare(
    session: AsyncSession,
    identifier: IdentifierKey,
    status: DeclaredStatus,
    *,
    expected_version: int | None,
    instruction: Instruction,
    model: Model,
) -> Decided:
    """Say what an identifier is, and look again at all who hold it, when that changes anything.

    `identifier` is in normal form. Of one that is shared already, and is said to be, nobody has to
    be looked at: its holders may be tens of thousands, who would wait. Raises
    `IdentifierChangedError` when its status was told anew since the steward looked at it.
    """
    await wait_for_turn(session)
    await lock_until_commit(session, {identifier_key(*identifier)})
    current = await identifier_statuses.version_of(session, identifier)
    if expected_version is not None and expected_version != current:
        raise IdentifierChangedError(expected=expected_version, current=current)
    # Of a token or a device tickets ask what is declared, and not how many hold it.
    was_shared = identifier[0] in PERSONAL and await _is_shared_now(session, identifier, model)
    decision = await decisions.record(session, DecisionKind.DECLARATION, instruction)
    await fetch(session, _STATE, decision.id, *identifier, status, decision.made_at)
    await settle(session, {identifier}, by=decision)
    if was_shared and await _is_shared_now(session, identifier, model):
        return await _unchanged(session, identifier, decision, model=model)
    turn, holders = await hold_holders(session, {identifier})
    return await reexamine(session, {identifier}, holders, decision, turn=turn, model=model)


_CLIENTS = """
    SELECT DISTINCT client_id FROM source_record WHERE id = ANY ($1::uuid[]) ORDER BY client_id
"""


async def _unchanged(
    session: AsyncSession, identifier: IdentifierKey, decision: Decision, *, model: Model
) -> Decided:
    """Remember a declaration by which nothing changes for those who hold the identifier."""
    holders = await list_holding(session, identifier)
    await _remember(session, identifier, holders, decision, model=model)
    clients = tuple(row["client_id"] for row in await fetch(session, _CLIENTS, holders))
    return Decided(decision.id, clients, frozenset(), {})


async def hold_holders(
    session: AsyncSession, identifiers: Collection[IdentifierKey], *others: UUID
) -> tuple[Turn, set[UUID]]:
    """Make the identifiers, and the clients of those who hold them, hold still.

    `others` are records that are held too. Nobody comes to hold one of the identifiers, or ceases
    to, until the transaction ends. Return the turn and the records.
    """
    await lock_until_commit(session, {identifier_key(*identifier) for identifier in identifiers})
    held = set(others)
    for identifier in identifiers:
        held.update(await list_holding(session, identifier))
    return await take_turn(session, held), held


async def reexamine(
    session: AsyncSession,
    identifiers: Collection[IdentifierKey],
    records: Collection[UUID],
    decision: Decision,
    *,
    turn: Turn,
    model: Model,
) -> Decided:
    """Make what holds of identifiers count: weigh their holders again, and form their clients."""
    await settle(session, identifiers, by=decision)
    for identifier in sorted(identifiers):
        holders = await list_holding(session, identifier)
        await _remember(session, identifier, holders, decision, model=model)
        pairs = await list_pairs_of_holders(session, identifier, holders, model=model)
        await rescore(session, pairs, model=model, at=decision.made_at)
    return await form_decided(
        session, records, decision, turn=turn, model=model, touched=identifiers
    )


async def _remember(
    session: AsyncSession,
    identifier: IdentifierKey,
    holders: Sequence[UUID],
    decision: Decision,
    *,
    model: Model,
) -> None:
    row = await _status_now(session, identifier, holders, decision.cause, model)
    await identifier_statuses.append(session, [row], at=decision.made_at)


async def _status_now(
    session: AsyncSession,
    identifier: IdentifierKey,
    holders: Sequence[UUID],
    cause: Cause,
    model: Model,
) -> NewStatus:
    read = await _read_holders(session, holders, model)
    return identifier_statuses.new_status(
        identifier,
        is_shared=await _is_shared(session, identifier, read, model),
        holders=len(holders),
        read=read,
        cause=cause,
        model=model,
    )


async def _read_holders(
    session: AsyncSession, holders: Sequence[UUID], model: Model
) -> list[Features]:
    # More holders than a key may have tell no more: it is shared, whoever they are.
    records = await list_records(session, holders[: model.key_cap + 1])
    return [Features.from_json(one.features) for one in records]


async def _is_shared_now(session: AsyncSession, identifier: IdentifierKey, model: Model) -> bool:
    holders = await list_holding(session, identifier)
    read = await _read_holders(session, holders, model)
    return await _is_shared(session, identifier, read, model)


async def _is_shared(
    session: AsyncSession, identifier: IdentifierKey, holders: Sequence[Features], model: Model
) -> bool:
    declared = await find_declared(session, {identifier})
    if identifier in declared:
        return declared[identifier]
    return is_shared(identifier[0], holders, model)


async def remember_statuses(
    session: AsyncSession,
    identifiers: Collection[IdentifierKey],
    *,
    model: Model,
    cause: Cause,
    at: datetime,
) -> None:
    """Remember what holds of identifiers now, of those of which something else was told last.

    For what turns the status of many at once: a load, or a resolution with another model. Nobody
    else writes who holds them until the transaction ends.
    """
    if not identifiers:
        return
    told = await identifier_statuses.statuses_told(session, identifiers)
    rows = [
        await _status_now(session, one, await list_holding(session, one), cause, model)
        for one in sorted(identifiers)
    ]
    turned = [row for row in rows if row.status != told[row.kind, row.value]]
    await identifier_statuses.append(session, turned, at=at)


# --- what holds -----------------------------------------------------------------------------------

_HOLDING = """
    SELECT DISTINCT ON (i.kind, i.value) i.decision_id, i.status
    FROM unnest($1::text[], $2::text[]) AS wanted (kind, value)
    JOIN identifier_declaration i USING (kind, value)
    JOIN decision d ON d.id = i.decision_id
    WHERE d.undone_by IS NULL
    ORDER BY i.kind, i.value, d.made_at DESC, d.id DESC
"""
_REVOKE = """
    UPDATE identifier_declaration i SET revoked_at = $3
    FROM unnest($1::text[], $2::text[]) AS wanted (kind, value)
    WHERE (i.kind, i.value) = (wanted.kind, wanted.value)
      AND i.revoked_at IS NULL AND i.decision_id <> ALL ($4::uuid[])
"""
_BIND = """
    UPDATE identifier_declaration SET revoked_at = NULL
    WHERE decision_id = ANY ($1::uuid[]) AND revoked_at IS NOT NULL
"""


async def settle(
    session: AsyncSession, identifiers: Collection[IdentifierKey], *, by: Decision
) -> None:
    """Make binding what holds of each identifier now, and nothing else that was said of it."""
    named = columns(sorted(identifiers))
    found = await fetch(session, _HOLDING, *named)
    binding = [decision_id for decision_id, status in found if status != DeclaredStatus.AUTOMATIC]
    # One declaration of an identifier may bind: what binds no more goes before another comes.
    await fetch(session, _REVOKE, *named, by.made_at, binding)
    await fetch(session, _BIND, binding)


_DECLARED_BY = """
    WITH RECURSIVE up AS (
        SELECT id, undoes_id FROM decision WHERE id = $1
        UNION ALL
        SELECT d.id, d.undoes_id FROM up JOIN decision d ON d.id = up.undoes_id
    )
    SELECT i.kind, i.value FROM up JOIN identifier_declaration i ON i.decision_id = up.id
"""


async def list_declared_by(session: AsyncSession, decision_id: UUID) -> set[IdentifierKey]:
    """Return the identifiers on which a decision bears: for an undo, those of what it is about."""
    return {(kind, value) for kind, value in await fetch(session, _DECLARED_BY, decision_id)}


# --- reading --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Declared:
    """The declaration that holds of an identifier."""

    status: DeclaredStatus
    decision_id: UUID
    actor: str
    reason: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class IdentifierState:
    """All that is known of an identifier's status. `value` is personal data."""

    kind: str
    value: str
    status: IdentifierStatus
    declared: Declared | None
    holders: int
    people: int
    version: int
    changes: Sequence[StatusChange]
    """Its history, newest first."""


_BINDING = """
    SELECT i.status, d.id, d.actor, d.reason, d.made_at
    FROM identifier_declaration i JOIN decision d ON d.id = i.decision_id
    WHERE i.kind = $1 AND i.value = $2 AND i.revoked_at IS NULL
"""


async def state_of(
    session: AsyncSession, identifier: IdentifierKey, *, model: Model, most_changes: int
) -> IdentifierState:
    """Return the status of an identifier as of now, and how it came about."""
    records = await list_records(session, await list_holding(session, identifier))
    holders = [Features.from_json(record.features) for record in records]
    is_shared = await _is_shared(session, identifier, holders, model)
    binding = await fetch(session, _BINDING, *identifier)
    return IdentifierState(
        *identifier,
        status=IdentifierStatus.SHARED if is_shared else IdentifierStatus.PERSONAL,
        declared=next((Declared(DeclaredStatus(row[0]), *row[1:]) for row in binding), None),
        holders=len(holders),
        people=identifier_statuses.people_among(identifier, holders, model),
        version=await identifier_statuses.version_of(session, identifier),
        changes=await identifier_statuses.list_changes_of(session, identifier, limit=most_changes),
    )

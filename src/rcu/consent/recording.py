"""Recording what people said: each statement under the record of the person, once, for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from rcu.consent import repository
from rcu.consent.repository import ConsentRow
from rcu.ids import uuid7
from rcu.sales.attachment import Missed, attachment
from rcu.sales.facts import Attached

if TYPE_CHECKING:
    from datetime import datetime

    from rcu.consent.effective import ConsentStatus
    from rcu.identity.holding import Holding
    from rcu.identity.presentation import Presentation
    from rcu.sales.recording import Recording


@dataclass(frozen=True, slots=True)
class NewStatement:
    """What a person says of one purpose, and the message that tells it."""

    source: str
    message_id: str
    number: int
    """Place in the message, from 0."""
    purpose: str
    channel: str | None
    """None for the purpose as a whole."""
    status: ConsentStatus
    occurred_at: datetime
    how: str
    wording: str | None
    store: str | None
    actor: str | None


@dataclass(frozen=True, slots=True)
class NewConsent:
    """A statement, and what came with it to say whose it is."""

    statement: NewStatement
    presentation: Presentation


async def record_consents(
    recording: Recording,
    consents: Mapping[int, NewConsent],
    *,
    of_profiles: Mapping[UUID, Sequence[NewStatement]],
) -> dict[int, Attached]:
    """Record statements; return whose each of `consents` is, by its position.

    `of_profiles` are those that profiles carry, by the record of the profile. All are written with
    what else the recording writes; to place `consents` takes the round trips of any other fact.
    """
    rows = [
        _row(statement, record_id)
        for record_id, statements in of_profiles.items()
        for statement in statements
    ]
    outcomes: dict[int, Attached] = {}
    if consents:
        placed = await recording.place(consent.presentation for consent in consents.values())
        for position, consent in consents.items():
            record_id = placed.records[consent.presentation.key]
            row = _row(consent.statement, record_id)
            holding = placed.holdings.get(record_id)
            found = attachment(holding, link="identifiers")
            outcomes[position] = Attached(
                fact_id=row.id,
                name=consent.statement.purpose,
                already=False,
                client_id=found.client_id if found else None,
                method=found.method if found else None,
                status=consent.statement.status,
                reason=None if found else _why_nobodys(holding),
            )
            rows.append(row)
    await repository.add_consents(recording.writes, rows, at=recording.at)
    return outcomes


def _why_nobodys(holding: Holding | None) -> Missed:
    """Return why a statement is of nobody known: a withdrawal that reaches no client is told so."""
    for held_by_several in (Missed.AMBIGUOUS, Missed.SHARED):
        if holding is not None and holding.placement == held_by_several:
            return held_by_several
    return Missed.UNKNOWN


def _row(statement: NewStatement, record_id: UUID) -> ConsentRow:
    return ConsentRow(
        id=uuid7(),
        source=statement.source,
        message_id=statement.message_id,
        number=statement.number,
        record_id=record_id,
        purpose=statement.purpose,
        channel=statement.channel,
        status=statement.status,
        occurred_at=statement.occurred_at,
        how=statement.how,
        wording=statement.wording,
        store=statement.store,
        actor=statement.actor,
    )

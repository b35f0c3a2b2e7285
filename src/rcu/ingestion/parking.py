"""Messages that wait, and their turn when what they wait for is there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.db.locks import lock_key, lock_until_commit
from rcu.ingestion import repository
from rcu.ingestion.apply import apply
from rcu.ingestion.context import Context
from rcu.ingestion.intake import Intake
from rcu.ingestion.messages import MESSAGE_MODELS, MessageType, stores_named
from rcu.ingestion.repository import ParkedPlace, StoredMessage
from rcu.sales import repository as sales
from rcu.sales.facts import Clash, Waiting
from rcu.settings import Settings

REPLAY_CHUNK = 100
"""Parked messages applied in one transaction."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The outcome of replaying parked messages."""

    applied: int
    still_parked: int


async def let_in(
    session: AsyncSession, arrived: frozenset[str], context: Context, at: datetime
) -> None:
    """Apply what waited for what has just arrived, and in turn what waited for that."""
    while arrived:
        stored = await repository.take_waiting(session, arrived, limit=REPLAY_CHUNK)
        if not stored:
            return
        done, more = await _apply_stored(session, stored, context, at)
        if not done.applied:
            return
        arrived |= more


async def _apply_stored(
    session: AsyncSession, stored: Sequence[StoredMessage], context: Context, at: datetime
) -> tuple[Replay, frozenset[str]]:
    """Apply parked messages; return how many got through, and the keys of what arrived."""
    kinds = await repository.find_source_kinds(session, {message.source for message in stored})
    intakes = [
        Intake(
            message.source,
            kinds[message.source],
            MESSAGE_MODELS[MessageType(message.type)].model_validate(message.payload),
        )
        for message in stored
    ]
    named = stores_named(intake.message for intake in intakes)
    application = await apply(
        session,
        intakes,
        timezones=await sales.find_timezones(session, named),
        model=await context.model_for(session),
        defaults=context.defaults,
        at=at,
    )
    await application.writes.send()
    waiting, through = [], []
    for n, intake in enumerate(intakes):
        outcome = application.outcomes[n]
        if isinstance(outcome, Clash):
            outcome = Waiting("ticket_clash", f"steward:{outcome.ticket_id}", "")
        if isinstance(outcome, Waiting):
            waiting.append((intake, outcome))
        else:
            through.append(intake.key)
    await repository.park(session, waiting, at=at)
    await repository.unpark(session, through, at=at)
    return Replay(len(through), len(waiting)), application.arrived


async def replay_waiting(
    database: Database, waits_for: str, *, context: Context | None = None
) -> Replay:
    """Apply every parked message that waits for something, once it is there.

    The lock of the key makes sure that a message that was just being parked is seen.
    """
    context = context or Context.from_settings(Settings())
    done = Replay(0, 0)
    while True:

        async def work(session: AsyncSession) -> Replay | None:
            await lock_until_commit(session, [lock_key(waits_for)])
            stored = await repository.take_waiting(session, [waits_for], limit=REPLAY_CHUNK)
            return await _replay(session, stored, context)

        replay = await database.run(work)
        if replay is None:
            return done
        done = Replay(done.applied + replay.applied, done.still_parked + replay.still_parked)
        if replay.applied == 0:
            return done


async def replay(
    database: Database,
    *,
    source: str | None = None,
    message_ids: Collection[str] | None = None,
    context: Context | None = None,
) -> Replay:
    """Apply parked messages, those named or all, as far as what they wait for is there."""
    context = context or Context.from_settings(Settings())
    done = Replay(0, 0)
    after: ParkedPlace | None = None
    while True:

        async def work(
            session: AsyncSession, after: ParkedPlace | None = after
        ) -> tuple[Replay, ParkedPlace] | None:
            stored = await repository.take_parked(
                session, source=source, message_ids=message_ids, after=after, limit=REPLAY_CHUNK
            )
            replayed = await _replay(session, stored, context)
            return (replayed, stored[-1].place) if replayed else None

        found = await database.run(work)
        if found is None:
            return done
        replayed, after = found
        done = Replay(done.applied + replayed.applied, done.still_parked + replayed.still_parked)


async def _replay(
    session: AsyncSession, stored: Sequence[StoredMessage], context: Context
) -> Replay | None:
    if not stored:
        return None
    at = datetime.now(UTC)
    done, arrived = await _apply_stored(session, stored, context, at)
    await let_in(session, arrived, context, at)
    return done

"""Receiving messages: each is kept, applied once, and answered the same for ever."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from rcu import metrics
from rcu.db.engine import Database
from rcu.db.errors import OutOfMemoryError
from rcu.db.statements import to_json
from rcu.errors import RcuError, problem
from rcu.identity.outcomes import Placed
from rcu.ingestion import repository, senders
from rcu.ingestion.answers import answer_to
from rcu.ingestion.apply import Application, Applied, apply
from rcu.ingestion.consents import find_refused
from rcu.ingestion.context import Context
from rcu.ingestion.errors import (
    MessageIdReusedError,
    MessageNotAppliedError,
    TicketClashError,
    UnknownSourceError,
)
from rcu.ingestion.intake import Intake, digest_of
from rcu.ingestion.messages import Message, ProfileMessage, stores_named
from rcu.ingestion.parking import let_in
from rcu.ingestion.profile_answers import Answer
from rcu.ingestion.repository import (
    KeptMessage,
    Known,
    MessageKey,
    StoredReceipt,
)
from rcu.logs import get_logger
from rcu.sales.entering import Assumed, OtherwiseError
from rcu.sales.facts import Clash, Waiting
from rcu.settings import Settings

CHUNK = 100
"""Messages a transaction, at most: each profile takes some thirty locks, and the lock table of a
server with PostgreSQL's own settings has room for about six thousand."""
CHUNK_OF_FACTS = 250
"""The same where no message is a profile: each takes half a dozen."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a sender is told of one message: an answer or a problem, never both."""

    message_id: str
    status: int
    answer: dict[str, Any] | None
    problem: dict[str, Any] | None
    replayed: bool
    """Whether the message was received before; nothing was done this time."""


async def receive_together(
    database: Database,
    *,
    source: str,
    messages: Sequence[Message],
    context: Context | None = None,
) -> list[Receipt]:
    """Receive messages, as many as are `fitting`, in one transaction, or raise and keep none."""
    context = context or Context.from_settings(Settings())

    async def work(session: AsyncSession) -> list[Receipt]:
        return await receive_chunk(session, source=source, messages=messages, context=context)

    receipts = await database.run(work)
    _count(messages, receipts)
    return receipts


async def receive_all(
    database: Database,
    *,
    source: str,
    messages: Sequence[Message],
    context: Context | None = None,
    on_done: Callable[[int], None] | None = None,
) -> list[Receipt]:
    """Receive messages, many a transaction, and return what became of each.

    A message that cannot be applied harms no other: a transaction that fails for one of
    them is done again message by message. `on_done` is told the number of messages after
    each transaction. While the database is away `DatabaseUnavailableError` is raised; what
    was received before stays, and sending all again is safe.
    """
    context = context or Context.from_settings(Settings())
    receipts: list[Receipt] = []
    while rest := messages[len(receipts) :]:
        chunk = rest[: fitting(rest)]
        receipts += await _receive_or_refuse(database, source, chunk, context)
        if on_done is not None:
            on_done(len(chunk))
    return receipts


def fitting(messages: Sequence[Message]) -> int:
    """Return how many of messages, the first ones, go in one transaction at most.

    One with the id of another and a content of its own goes in a later one: whether the id is taken
    shows when that other is accepted.
    """
    has_profile = any(isinstance(one, ProfileMessage) for one in messages[:CHUNK_OF_FACTS])
    most = CHUNK if has_profile else CHUNK_OF_FACTS
    first: dict[str, Message] = {}
    for number, message in enumerate(messages[:most]):
        namesake = first.setdefault(message.message_id, message)
        if namesake is not message and digest_of(namesake) != digest_of(message):
            return number
    return most


async def _receive_or_refuse(
    database: Database, source: str, messages: Sequence[Message], context: Context
) -> list[Receipt]:
    """Receive messages together, or else each by itself; refuse the one that cannot be applied.

    When the database has no room for the locks of all of them, they are received by halves.
    """
    try:
        return await receive_together(database, source=source, messages=messages, context=context)
    except OutOfMemoryError:
        if len(messages) == 1:
            raise
        log.warning("ingestion.chunk_too_large", messages=len(messages))
        middle = len(messages) // 2
        parts = [messages[:middle], messages[middle:]]
    except RcuError:
        raise
    except Exception as error:
        log.exception("ingestion.chunk_failed", messages=len(messages))
        if len(messages) == 1:
            refused = MessageNotAppliedError()
            refused.__cause__ = error
            receipts = [_refusal(messages[0].message_id, refused)]
            _count(messages, receipts)
            return receipts
        parts = [[message] for message in messages]
    receipts = []
    for part in parts:
        receipts += await _receive_or_refuse(database, source, part, context)
    return receipts


async def receive_chunk(
    session: AsyncSession, *, source: str, messages: Sequence[Message], context: Context
) -> list[Receipt]:
    """Receive messages in the transaction of `session`.

    The inbox decides what is new: its primary key is the source and the message id. Should
    another transaction have received one of the messages meanwhile, `StaleReadError` makes
    the edge run the work again, which then finds it.
    """
    known = senders.recall(session, source, messages)
    if known is not None:
        try:
            return await _receive_known(session, source, messages, known, context)
        except OtherwiseError:
            log.debug("ingestion.assumed_otherwise")
    known = await repository.find_known(
        session, source, {message.message_id for message in messages}, stores_named(messages)
    )
    if known is None:
        raise UnknownSourceError(source)
    senders.remember(session, source, known)
    return await _receive_known(session, source, messages, known, context)


async def _receive_known(
    session: AsyncSession,
    source: str,
    messages: Sequence[Message],
    known: Known,
    context: Context,
) -> list[Receipt]:
    """Receive messages, of whose sender something is known, or assumed and verified."""
    at = datetime.now(UTC)
    intakes = [Intake(source, known.kind, message) for message in messages]
    first: dict[MessageKey, Intake] = {}
    for intake in intakes:
        if intake.key not in known.receipts:
            first.setdefault(intake.key, intake)
    refused = await find_refused(session, list(first.values()), context.defaults)
    fresh = [intake for key, intake in first.items() if key not in refused]
    application = await apply(
        session,
        fresh,
        timezones=known.timezones,
        model=await context.model_for(session),
        defaults=context.defaults,
        at=at,
        assumed=Assumed(source, known.kind, known.timezones, [i.message_id for i in fresh])
        if known.is_assumed
        else None,
    )
    applied = {fresh[n].key: outcome for n, outcome in application.outcomes.items()}
    outcomes: dict[MessageKey, Applied | RcuError] = {**refused, **applied}
    accepted = [i for i in fresh if not isinstance(applied[i.key], Clash)]
    answers = {intake.key: answer_to(intake, applied[intake.key]) for intake in accepted}
    is_awaited = await _keep(application, accepted, answers, applied, at)
    if await _park(session, accepted, applied, at) or is_awaited:
        await let_in(session, application.arrived, context, at)
    return [
        _receipt(intake, first.get(intake.key), known.receipts, outcomes, answers)
        for intake in intakes
    ]


def _receipt(
    intake: Intake,
    first: Intake | None,
    known: Mapping[MessageKey, StoredReceipt],
    applied: Mapping[MessageKey, Applied | RcuError],
    answers: Mapping[MessageKey, Answer],
) -> Receipt:
    stored = known.get(intake.key)
    if stored is not None:
        if stored.digest != intake.digest:
            return _refusal(intake.message_id, MessageIdReusedError(intake.message_id))
        return Receipt(intake.message_id, stored.status, stored.answer, None, replayed=True)
    if first is not None and first.digest != intake.digest:
        return _refusal(intake.message_id, MessageIdReusedError(intake.message_id))
    outcome = applied[intake.key]
    if isinstance(outcome, RcuError):
        return _refusal(intake.message_id, outcome)
    if isinstance(outcome, Clash):
        return _refusal(intake.message_id, TicketClashError(outcome.ticket_id, outcome.recorded_id))
    status, answer = answers[intake.key]
    return Receipt(intake.message_id, status, answer, None, replayed=first is not intake)


def _refusal(message_id: str, error: RcuError) -> Receipt:
    return Receipt(message_id, error.status, None, problem(error), replayed=False)


async def _keep(
    application: Application,
    intakes: Sequence[Intake],
    answers: Mapping[MessageKey, Answer],
    applied: Mapping[MessageKey, Applied],
    at: datetime,
) -> bool:
    """Write receipts and payloads of accepted messages into the inbox, and what else is written.

    Return whether a message that is parked waits for what has arrived.
    """
    kept = []
    for intake in intakes:
        outcome = applied[intake.key]
        status, answer = answers[intake.key]
        kept.append(
            KeptMessage(
                source=intake.source,
                message_id=intake.message_id,
                type=intake.type,
                digest=intake.digest,
                status=status,
                answer=to_json(answer),
                record_id=outcome.record_id if isinstance(outcome, Placed) else None,
                payload=to_json(intake.payload),
            )
        )
    return await repository.keep(application.writes, kept, arrived=application.arrived, at=at)


async def _park(
    session: AsyncSession,
    intakes: Sequence[Intake],
    applied: Mapping[MessageKey, Applied],
    at: datetime,
) -> int:
    """Remember the messages that wait, and return how many."""
    waiting = [
        (intake, outcome)
        for intake in intakes
        if isinstance(outcome := applied[intake.key], Waiting)
    ]
    await repository.park(session, waiting, at=at)
    return len(waiting)


def _count(messages: Sequence[Message], receipts: Sequence[Receipt]) -> None:
    """Feed the metrics, once the transaction is committed."""
    for message, receipt in zip(messages, receipts, strict=True):
        if receipt.replayed:
            outcome = "replayed"
        elif receipt.answer is not None:
            outcome = str(receipt.answer["outcome"])
        else:
            outcome = "refused"
        metrics.count_message(type(message).__name__.removesuffix("Message").lower(), outcome)

"""Loading the demo: each message once, and never over a retailer's own data."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from rcu.access import service as access
from rcu.access.models import ApiKey, Source, SourceKind
from rcu.db.engine import Database
from rcu.demo import reset
from rcu.demo.generator import Sample, generate
from rcu.demo.keys import FILE_NAME, ensure_keys
from rcu.demo.load import DemoRefusedError, ForeignDataError, load
from rcu.demo.reset import ResetRefusedError
from rcu.ingestion.messages import Message
from rcu.ingestion.models import InboxMessage
from rcu.sales.models import Store
from rcu.settings import Settings


@dataclass(frozen=True, slots=True)
class Receipt:
    status: int


@dataclass(slots=True)
class Inbox:
    """Stands for `receive_all`: keeps the receipt of each message, and does nothing else."""

    status: int = 201
    breaks_after: int = 1_000
    sources: list[str] = field(default_factory=list)
    received: int = 0

    async def __call__(
        self,
        database: Database,
        *,
        source: str,
        messages: Sequence[Message],
        on_done: Callable[[int], None] | None = None,
    ) -> list[Receipt]:
        if len(self.sources) == self.breaks_after:
            raise ConnectionError
        self.sources.append(source)
        self.received += len(messages)
        rows = [
            {
                "source": source,
                "message_id": message.message_id,
                "type": "profile",
                "digest": b"",
                "received_at": datetime.now(UTC),
                "status": self.status,
                "answer": {},
            }
            for message in messages
        ]
        async with database.transaction() as session:
            await session.execute(insert(InboxMessage), rows)
        if on_done:
            on_done(len(messages))
        return [Receipt(self.status)] * len(messages)


@pytest.fixture
def sample() -> Sample:
    """Give the first messages of each source: the loading is under test, not the receiving."""
    whole = generate()
    taken = [
        sent
        for source in whole.sources
        for sent in [sent for sent in whole.messages if sent[0] == source.code][:25]
    ]
    return replace(whole, messages=taken)


async def test_loading_opens_the_shop_and_sends_every_message_once(
    database: Database, sample: Sample
) -> None:
    inbox, done, totals = Inbox(), [0], [0]

    sent = await load(database, sample, receive=inbox, on_start=totals.append, on_done=done.append)

    assert sent == inbox.received == sum(done) == totals[-1] == len(sample.messages)
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(Source)) == 4
        assert await connection.scalar(select(func.count()).select_from(Store)) == 7


async def test_loading_again_sends_nothing(database: Database, sample: Sample) -> None:
    await load(database, sample, receive=Inbox())
    again = Inbox()

    assert await load(database, sample, receive=again) == 0
    assert again.received == 0


async def test_loading_goes_on_where_it_was_stopped(database: Database, sample: Sample) -> None:
    with pytest.raises(ConnectionError):
        await load(database, sample, receive=Inbox(breaks_after=2))
    again = Inbox()

    assert await load(database, sample, receive=again) == len(sample.messages) - 50
    assert again.sources == ["app", "pos"]


async def test_a_refused_message_is_said(database: Database, sample: Sample) -> None:
    with pytest.raises(DemoRefusedError, match="25 messages of the source loyalty"):
        await load(database, sample, receive=Inbox(status=422))


async def test_the_demo_does_not_mix_with_a_retailers_own_data(
    database: Database, sample: Sample
) -> None:
    await _receive_from_another_source(database)
    inbox = Inbox()

    with pytest.raises(ForeignDataError, match="RCU_DATA_DIR"):
        await load(database, sample, receive=inbox)

    assert inbox.received == 0
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(Store)) == 0


async def test_own_data_sent_to_a_running_demo_do_not_stop_it_from_starting_again(
    database: Database, sample: Sample
) -> None:
    await load(database, sample, receive=Inbox())
    await _receive_from_another_source(database)

    assert await load(database, sample, receive=Inbox()) == 0


async def test_the_keys_stay_the_same_and_only_their_owner_reads_them(
    database: Database, sample: Sample, tmp_path: Path
) -> None:
    await load(database, sample, receive=Inbox())

    first = await ensure_keys(database, tmp_path)
    second = await ensure_keys(database, tmp_path)

    assert first == second
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert first.reader not in repr(first)
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(ApiKey)) == 2


async def test_keys_that_were_revoked_are_replaced(
    database: Database, sample: Sample, tmp_path: Path
) -> None:
    await load(database, sample, receive=Inbox())
    first = await ensure_keys(database, tmp_path)
    public_id = first.till.split("_")[1]
    await database.run(lambda session: access.revoke_key(session, public_id))

    assert (await ensure_keys(database, tmp_path)).till != first.till


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"reader": 1, "till": null}', "{"])
async def test_a_damaged_key_file_is_replaced(
    database: Database, sample: Sample, tmp_path: Path, content: str
) -> None:
    await load(database, sample, receive=Inbox())
    (tmp_path / FILE_NAME).write_text(content, encoding="utf-8")

    made = await ensure_keys(database, tmp_path)

    assert await ensure_keys(database, tmp_path) == made


async def test_a_reset_empties_the_demo(
    database: Database, sample: Sample, settings: Settings
) -> None:
    await load(database, sample, receive=Inbox())

    await reset.empty(database, sample, settings)

    async with database.read() as connection:
        assert await connection.scalar(text("SELECT to_regclass('source') IS NULL"))
    await reset.empty(database, sample, settings)


async def test_a_reset_spares_a_database_with_other_sources(
    database: Database, sample: Sample, settings: Settings
) -> None:
    await load(database, sample, receive=Inbox())
    await _receive_from_another_source(database)

    with pytest.raises(ForeignDataError, match="crm"):
        await reset.empty(database, sample, settings)

    assert await load(database, sample, receive=Inbox()) == 0, "everything is still there"


async def test_a_reset_spares_a_database_named_by_its_url(
    database: Database, sample: Sample, settings: Settings
) -> None:
    elsewhere = settings.model_copy(update={"database_url": "postgresql://db.example/rcu"})

    with pytest.raises(ResetRefusedError, match="RCU_DATABASE_URL"):
        await reset.empty(database, sample, elsewhere)


async def test_a_reset_spares_a_database_in_use(
    database: Database, sample: Sample, settings: Settings
) -> None:
    async with database.read(), database.read():
        with pytest.raises(ResetRefusedError, match="stop it first"):
            await reset.empty(database, sample, settings)


async def _receive_from_another_source(database: Database) -> None:
    message = generate().messages[0][1]
    async with database.transaction() as session:
        await access.add_source(session, code="crm", name="CRM", kind=SourceKind.OTHER)
    await Inbox()(database, source="crm", messages=[message])

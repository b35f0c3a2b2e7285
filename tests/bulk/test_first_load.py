"""A first load ends where the same messages end when they are received."""

from __future__ import annotations

import asyncio
import csv
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.bulk import copying, first_load
from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.errors import LoadOvertakenError, NotAFirstLoadError
from rcu.bulk.first_load import Load, Loaded, load_first
from rcu.bulk.load_stages import Reading
from rcu.bulk.tables import TABLES
from rcu.db.engine import Database
from rcu.identity.decisions import Instruction
from rcu.identity.declarations import declare
from rcu.identity.identifier_models import DeclaredStatus
from rcu.identity.model import Model
from rcu.ingestion import service
from rcu.ingestion.context import Context
from rcu.ingestion.files.formats import detect
from rcu.ingestion.files.importer import ImportSummary, import_rows, understand
from rcu.ingestion.files.mapping import Mapping as FileMapping
from rcu.ingestion.files.plan import Options, make_plan
from rcu.ingestion.files.reading import Row, read_rows, read_sample
from rcu.ingestion.files.rejects import RejectsFile
from rcu.ingestion.intake import Defaults
from rcu.ingestion.messages import Message, TicketMessage
from rcu.ingestion.service import receive_all
from tests.bulk.crowd import crowd
from tests.bulk.sending import profile_messages, rows, stored_clients
from tests.ingestion.shop import clear, sale

CONTEXT = Context(Model.shipped(), Defaults())
SOURCES = frozenset({"pos", "eshop", "app", "loyalty"})
MAPPING = FileMapping()
PART_ROWS = 40


def in_small_parts() -> DuckDBEngine:
    """Return an engine that gathers so few records at once that every table is cut."""
    return DuckDBEngine(part_rows=PART_ROWS)


class File:
    """A file of profiles, and the two ways to bring it in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.format = detect(path)
        self.sample = read_sample(path, self.format)
        self.options = Options(file_time=datetime(2025, 3, 1, tzinfo=UTC))
        self.rejects = path.with_name("rejected.csv")

    def rows(self) -> Iterator[Row]:
        return read_rows(self.path, self.format)

    async def load(self, database: Database) -> Loaded:
        reading = Reading(self.sample, MAPPING, self.options, SOURCES)
        with RejectsFile(self.rejects, self.sample.columns) as rejects:
            load = Load(reading, self.rows, rejects, Model.shipped(), CONTEXT.defaults.region)
            return await load_first(database, load, open_engine=in_small_parts)

    async def receive(self, database: Database) -> ImportSummary:
        plan = make_plan(self.sample, MAPPING, self.options, SOURCES)

        async def receive(source: str, messages: list[Message]) -> list[service.Receipt]:
            return await receive_all(database, source=source, messages=messages, context=CONTEXT)

        with RejectsFile(self.rejects, self.sample.columns) as rejects:
            understood = understand(self.rows(), plan, SOURCES)
            return await import_rows(
                understood,
                receive=receive,  # type: ignore[arg-type]
                rejects=rejects,
                region=CONTEXT.defaults.region,
            )


COLUMNS = (
    "source", "external_id", "occurred_at", "message_id", "title", "given_name", "family_name",
    "birth_name", "birth_date", "email", "email_verified", "phone", "card", "address.lines",
    "postcode", "city",
)  # fmt: skip


def file_of(folder: Path, people: int, *, seed: int, source: str | None = None) -> File:
    """Write a crowd as a file, some records stated twice; of one source when that is said."""
    lines: list[Mapping[str, Any]] = []
    for sent_by, message in profile_messages(crowd(people, seed=seed)):
        said = message.model_dump(mode="json", exclude_unset=True)
        address = (said.get("addresses") or [{}])[0]
        line = {
            "source": source or sent_by,
            "external_id": said["external_id"],
            "occurred_at": said["occurred_at"],
            "message_id": said["message_id"],
            **{name: said.get(name) for name in COLUMNS[4:9]},
            "email": (said.get("emails") or [{}])[0].get("value"),
            "phone": (said.get("phones") or [{}])[0].get("value"),
            "card": (said.get("cards") or [{}])[0].get("value"),
            "address.lines": (address.get("lines") or [None])[0],
            "postcode": address.get("postcode"),
            "city": address.get("city"),
        }
        lines.append(line)
        if len(lines) % 9 == 0:
            later = {"message_id": f"{said['message_id']}-b", "occurred_at": "2025-05-01T00:00:00Z"}
            card = f"NEW{len(lines)}X" if line["card"] else None
            lines.append(line | later | {"given_name": "Maud", "email": None, "card": card})
    path = folder / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    return File(path)


# --- what is compared: everything but times, and ids by whose they are --------------------------

NAMED = "(SELECT source || ':' || external_id FROM source_record named WHERE named.id = {})"
REVIEWED = "(one ->> 'client_id')::uuid"
STATE = {
    "records": f"""
        SELECT source, external_id, kind, placement, version, profile::text, features::text,
               {NAMED.format("r.client_id")}
        FROM source_record r
    """,
    "clients": f"SELECT {NAMED.format('c.id')}, known, version, retired_at FROM client c",
    "keys": f"SELECT key, {NAMED.format('record_id')}, face FROM blocking_key",
    "identifiers": f"""
        SELECT kind, value, {NAMED.format("record_id")}, origin,
               verified_at, stated_since FROM identifier
    """,
    "pairs": f"""
        SELECT least({NAMED.format("left_id")}, {NAMED.format("right_id")}),
               greatest({NAMED.format("left_id")}, {NAMED.format("right_id")}),
               weight, decision, evidence::text, contradiction, model_version
        FROM record_pair
    """,
    "golden": f"""
        SELECT {NAMED.format("g.client_id")}, golden::text, search_terms FROM golden_record g
    """,
    "inbox": f"""
        SELECT m.source, m.message_id, m.type, m.digest, m.status, {NAMED.format("m.record_id")},
               p.payload::text,
               (m.answer - 'client_id' - 'reviews')::text,
               {NAMED.format("(m.answer ->> 'client_id')::uuid")},
               (SELECT array_agg(concat({NAMED.format(REVIEWED)}, one ->> 'weight') ORDER BY 1)
                FROM jsonb_array_elements(m.answer -> 'reviews') one)
        FROM inbox_message m JOIN inbox_payload p USING (source, message_id, received_at)
    """,
    "history": "SELECT kind, cause, actor FROM identity_change",
}


async def state(database: Database) -> dict[str, list[str]]:
    """Return everything that a load writes, sorted."""
    return {
        name: sorted(str(row) for row in await rows(database, query))
        for name, query in STATE.items()
    }


async def test_it_ends_where_one_transaction_of_all_messages_ends(
    open_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, 120, seed=31, source="pos")
    monkeypatch.setattr(service, "CHUNK", 100_000)
    received = await file.receive(open_database)
    expected = await state(open_database)
    await clear(open_database)

    loaded = await file.load(open_database)

    found = await state(open_database)
    for name, held in expected.items():
        assert found[name] == held, name
    assert loaded.summary == received
    assert len(expected["pairs"]) > 100
    assert any("'withdrawn'" in row for row in expected["identifiers"])


async def test_it_ends_where_messages_one_by_one_end(
    open_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, 80, seed=32)
    monkeypatch.setattr(service, "CHUNK", 1)
    await file.receive(open_database)
    expected = await state(open_database)
    partition = await stored_clients(open_database)
    goldens = "SELECT golden::text, search_terms FROM golden_record"
    assembled = sorted(await rows(open_database, goldens))
    await clear(open_database)

    await file.load(open_database)

    found = await state(open_database)
    assert await stored_clients(open_database) == partition
    for name in ("keys", "identifiers", "pairs"):
        assert found[name] == expected[name], name
    assert sorted(await rows(open_database, goldens)) == assembled


async def test_characters_that_mean_something_to_copy_are_kept(
    open_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, 3, seed=33, source="pos")
    with file.path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    for number, odd in enumerate((r"\N", r"a\tb\\", 'with "quotes", commas', "a\tb", "two\nlines")):
        lines[number] |= {"external_id": f"x{odd}x", "given_name": odd, "city": odd, "card": odd}
    with file.path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    monkeypatch.setattr(service, "CHUNK", 100_000)
    received = await file.receive(open_database)
    expected = await state(open_database)
    await clear(open_database)

    loaded = await file.load(open_database)

    assert await state(open_database) == expected
    assert loaded.summary == received
    assert not received.rejected


async def test_the_same_file_imported_again_is_recognised(
    open_database: Database, tmp_path: Path
) -> None:
    file = file_of(tmp_path, 40, seed=34)
    loaded = await file.load(open_database)
    before = await state(open_database)

    again = await file.receive(open_database)

    assert dict(again.outcomes) == {"replayed": loaded.summary.rows}
    assert await state(open_database) == before


async def test_a_database_with_profiles_is_refused_and_left_as_it_is(
    open_database: Database, tmp_path: Path
) -> None:
    file = file_of(tmp_path, 10, seed=35)
    await file.receive(open_database)
    before = await state(open_database)

    with pytest.raises(NotAFirstLoadError):
        await file.load(open_database)

    assert await state(open_database) == before


def meanwhile(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], Awaitable[object]]) -> None:
    """Have something done after the file was read, before anything is written."""
    read = first_load._Load.read
    loop = asyncio.get_running_loop()

    async def do() -> None:
        await deed()

    def read_then_do(self: Any, known: Any) -> None:
        read(self, known)
        asyncio.run_coroutine_threadsafe(do(), loop).result()

    monkeypatch.setattr(first_load._Load, "read", read_then_do)


async def test_a_profile_that_arrives_meanwhile_stops_it_before_anything_is_written(
    open_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, 10, seed=36)
    [(source, message)] = profile_messages(crowd(1, seed=99))[:1]

    async def receive() -> None:
        await receive_all(open_database, source=source, messages=[message], context=CONTEXT)

    meanwhile(monkeypatch, receive)
    with pytest.raises(NotAFirstLoadError):
        await file.load(open_database)

    assert await rows(open_database, "SELECT count(*) FROM source_record") == [(1,)]


@pytest.mark.parametrize("about", ["record", "message id"])
async def test_a_sale_about_a_row_that_arrives_meanwhile_stops_it_and_says_so(
    open_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, about: str
) -> None:
    file = file_of(tmp_path, 10, seed=35, source="pos")
    row = next(file.rows()).cells
    named = sale(customer={"external_id": row["external_id"]})
    said = named if about == "record" else sale() | {"message_id": row["message_id"]}
    ticket = TicketMessage.model_validate(said)

    async def receive() -> None:
        await receive_all(open_database, source="pos", messages=[ticket], context=CONTEXT)

    meanwhile(monkeypatch, receive)
    with pytest.raises(LoadOvertakenError) as refused:
        await file.load(open_database)

    assert str(row["external_id"]) not in str(refused.value)
    assert await rows(open_database, "SELECT count(*) FROM golden_record") == [(0,)]
    monkeypatch.undo()
    await file.load(open_database)
    assert await rows(open_database, "SELECT count(*) FROM ticket") == [(1,)]


async def test_a_sale_about_no_row_that_arrives_meanwhile_finds_its_client(
    open_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, 10, seed=35, source="pos")
    card = next(row.cells["card"] for row in file.rows() if row.cells["card"])
    message = sale(customer={"card": card}) | {"message_id": "t-1"}
    ticket = TicketMessage.model_validate(message)

    async def receive() -> None:
        await receive_all(open_database, source="pos", messages=[ticket], context=CONTEXT)

    meanwhile(monkeypatch, receive)
    await file.load(open_database)

    attached = "SELECT c.known FROM ticket t JOIN source_record r ON r.id = t.record_id "
    attached += "JOIN client c ON c.id = r.client_id"
    assert await rows(open_database, attached) == [(True,)]


async def test_an_identifier_that_is_declared_meanwhile_stops_it(
    open_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, 10, seed=35, source="pos")
    email = next(row.cells["email"] for row in file.rows() if row.cells["email"])

    async def work(session: AsyncSession) -> None:
        await declare(
            session,
            ("email", str(email)),
            DeclaredStatus.SHARED,
            expected_version=None,
            instruction=Instruction("test", "as the test says"),
            model=Model.shipped(),
        )

    meanwhile(monkeypatch, lambda: open_database.run(work))
    with pytest.raises(LoadOvertakenError):
        await file.load(open_database)

    assert await rows(open_database, "SELECT count(*) FROM source_record") == [(0,)]


async def test_sales_that_were_there_before_find_their_clients(
    open_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, 40, seed=37, source="pos")
    with file.path.open(encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    customers = [{"external_id": line["external_id"]} for line in lines[:10]]
    customers += [{"card": line["card"]} for line in lines[10:30] if line["card"]]
    customers += [{"email": line["email"]} for line in lines[30:50] if line["email"]]
    old_cards = [
        {"card": before["card"]}
        for before, after in itertools.pairwise(lines)
        if after["message_id"].endswith("-b") and before["card"]
    ]
    customers += old_cards
    tickets = [
        TicketMessage.model_validate(
            # The file's messages have ids of their own; those of sales must not meet them.
            sale(customer=customer, token=f"token-{number % 7}") | {"message_id": f"t-{number}"}
        )
        for number, customer in enumerate(customers)
    ]
    # Which of the records that sales named is the oldest, and names its client, is chance.
    attached = """
        SELECT t.message_id, r.kind, r.placement, c.known, g.golden::text
        FROM ticket t JOIN source_record r ON r.id = t.record_id JOIN client c ON c.id = r.client_id
        LEFT JOIN golden_record g ON g.client_id = c.id
    """
    monkeypatch.setattr(service, "CHUNK", 100_000)
    await receive_all(open_database, source="pos", messages=tickets, context=CONTEXT)
    await file.receive(open_database)
    expected = sorted(map(str, await rows(open_database, attached)))
    await clear(open_database)
    await receive_all(open_database, source="pos", messages=tickets, context=CONTEXT)

    await file.load(open_database)

    assert sorted(map(str, await rows(open_database, attached))) == expected
    assert any("matching" in row for row in expected)
    assert any("'email'" in row for row in expected)
    assert old_cards


async def test_refused_and_repeated_rows_are_told_as_by_an_import(
    open_database: Database, tmp_path: Path
) -> None:
    file = file_of(tmp_path, 5, seed=38)
    lines = file.path.read_text(encoding="utf-8").splitlines()
    first = lines[1].split(",")
    lines.append(lines[1])
    lines.append(",".join([*first[:5], "Autre", *first[6:]]))
    lines.append(f"{first[0]},X2,2025-01-01T00:00:00Z,m-y,,Zoé,Rey,,someday,,,12,,,,")
    lines.append("nowhere,X1,2025-01-01T00:00:00Z,m-x" + "," * (len(COLUMNS) - 4))
    file.path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    received = await file.receive(open_database)
    told = file.rejects.read_text(encoding="utf-8")
    await clear(open_database)

    loaded = await file.load(open_database)

    assert loaded.summary == received
    assert (loaded.summary.conflicts, loaded.summary.refused) == (1, 1)
    assert loaded.summary.outcomes["replayed"] == 1
    assert loaded.summary.unread == {"birth_date": 1, "phones": 1}
    assert file.rejects.read_text(encoding="utf-8") == told


async def test_the_tables_have_their_indexes_and_keys_afterwards(
    open_database: Database, tmp_path: Path
) -> None:
    query = """
        SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL
        SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    """
    before = sorted(await rows(open_database, query))

    await file_of(tmp_path, 5, seed=39).load(open_database)

    assert sorted(await rows(open_database, query)) == before
    async with open_database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM blocking_key")) > 0


async def test_the_planner_knows_the_tables_afterwards(
    open_database: Database, tmp_path: Path
) -> None:
    await file_of(tmp_path, 20, seed=39).load(open_database)

    for table in TABLES:
        counted = f"SELECT count(*) FROM {table}"
        said = f"SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass"
        assert await rows(open_database, said) == await rows(open_database, counted), table


async def test_a_failure_on_the_way_leaves_nothing(
    open_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, 5, seed=40)

    async def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(copying, "copy", fail)
    with pytest.raises(RuntimeError, match="disk"):
        await file.load(open_database)

    assert await rows(open_database, "SELECT count(*) FROM source_record") == [(0,)]
    monkeypatch.undo()
    await file.load(open_database)

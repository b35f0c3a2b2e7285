"""Reading what to train on: files as an import would, and the database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.identity.decision_models import Judgement
from rcu.identity.features import describe
from rcu.identity.models import SourceRecord
from rcu.identity.person import Person
from rcu.identity.repository import RecordKey
from rcu.ids import uuid7
from rcu.ingestion.files.errors import FileRefusedError
from rcu.ingestion.files.mapping import Mapping
from rcu.ingestion.files.plan import Options
from rcu.training.reading import read_database, read_files
from tests.factories import NOON, Place, make_record

OPTIONS = Options(file_time=datetime(2025, 1, 1, tzinfo=UTC))


def put(folder: Path, text: str) -> Path:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_without_a_source_that_exists(tmp_path: Path) -> None:
    path = put(tmp_path, "record_id,given_name,family_name\nA,Agathe,Vauzelle\nB,Amadou,Kervella\n")

    found = read_files([path], Mapping(), OPTIONS, region="FR")

    assert found.records == {
        ("file", "A"): describe(Person(given_name="Agathe", family_name="Vauzelle")),
        ("file", "B"): describe(Person(given_name="Amadou", family_name="Kervella")),
    }


def test_rows_of_one_record_are_one_record_and_those_of_two_sources_two(tmp_path: Path) -> None:
    text = """\
source,record_id,created_at,given_name,email
pos,A,2025-01-02T00:00:00Z,Agathe,
pos,A,2025-01-01T00:00:00Z,Agate,agathe@poste.example
eshop,A,2025-01-01T00:00:00Z,Amadou,
"""

    found = read_files([put(tmp_path, text)], Mapping(), OPTIONS, region="FR").records

    assert found.keys() == {("pos", "A"), ("eshop", "A")}
    assert found["pos", "A"].given_name == ("agathe",)
    assert found["pos", "A"].emails == ("agathe@poste.example",)


def test_rows_that_make_no_profile_are_counted_and_left_out(tmp_path: Path) -> None:
    path = put(tmp_path, "record_id,given_name\nA,Agathe\n,Amadou\n")

    found = read_files([path], Mapping(), OPTIONS, region="FR")

    assert (len(found.records), found.left_out) == (1, 1)


def test_a_file_of_tickets_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "source,ticket_id,store_id,sold_at,total_cents\npos,T,S,2025-01-01,5\n")

    with pytest.raises(FileRefusedError, match="profiles"):
        read_files([path], Mapping(), OPTIONS, region="FR")


async def test_profiles_and_binding_judgements_are_read_from_the_database(
    database: Database,
) -> None:
    async with database.transaction() as session:
        agathe = await make_record(session, given_name="Agathe", family_name="Vauzelle")
        amadou = await make_record(session, given_name="Amadou", family_name="Kervella")
        await make_record(session, Place("pos", "ids:1"), kind="identifiers", cards=["2990001"])
        await _judge(session, agathe.id, amadou.id)

    found = await read_database(database)

    assert found.records == {
        key_of(record): describe(Person(given_name=given, family_name=family))
        for record, given, family in (
            (agathe, "Agathe", "Vauzelle"),
            (amadou, "Amadou", "Kervella"),
        )
    }
    assert found.judgements.cannot_link == {frozenset({key_of(agathe), key_of(amadou)})}
    assert not found.judgements.must_link


async def test_what_is_read_does_not_depend_on_when_a_record_came_or_where_from(
    database: Database, tmp_path: Path
) -> None:
    path = put(
        tmp_path,
        "source,record_id,given_name,family_name\n"
        "pos,A,Agathe,Vauzelle\npos,B,Amadou,Kervella\npos,C,Agathe,Vauzelle\n",
    )
    of_file = read_files([path], Mapping(), OPTIONS, region="FR")
    async with database.transaction() as session:
        for (source, name), features in sorted(of_file.records.items(), reverse=True):
            [given], [family] = features.given_name, features.family_name
            place = Place(source, name)
            await make_record(session, place, given_name=given, family_name=family)

    found = await read_database(database)

    assert sorted(found.records.items()) == sorted(of_file.records.items())


async def test_a_sample_of_a_large_base_holds_whole_clients(database: Database) -> None:
    clients = []
    async with database.transaction() as session:
        for _ in range(40):
            first = await make_record(session, given_name="Agathe")
            second = await make_record(session, given_name="Agathe", client_id=first.client_id)
            clients.append({key_of(first), key_of(second)})

    found = await read_database(database, max_records=40)

    assert found.base_records == 80
    assert 0 < len(found.records) < 80
    assert all(
        client <= found.records.keys() or not client & found.records.keys() for client in clients
    )


def key_of(record: SourceRecord) -> RecordKey:
    return record.source, record.external_id


async def _judge(session: AsyncSession, left: object, right: object) -> None:
    ordered = sorted([left, right], key=str)
    await session.execute(
        insert(Judgement).values(
            id=uuid7(),
            left_id=ordered[0],
            right_id=ordered[1],
            verdict="no_match",
            reason="Two people of one street.",
            author="steward",
            made_at=NOON,
        )
    )

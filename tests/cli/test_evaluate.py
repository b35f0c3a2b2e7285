"""`rcu evaluate`: files and databases against a truth."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.cli.running import ExitCode
from rcu.db.engine import Database
from tests.cli.conftest import Rcu
from tests.factories import Place, make_record, make_ticket

TRUTH = "source,record_id,client_id,tags\npos,1,A,\npos,2,A,\npos,3,B,\npos,4,B,\n"


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_measured_against_the_truth(rcu: Rcu, tmp_path: Path) -> None:
    truth = put(tmp_path, "truth.csv", TRUTH)
    assigned = put(
        tmp_path, "assigned.csv", "source,record_id,client_id\npos,1,x\npos,2,x\npos,3,x\npos,9,y\n"
    )

    result = rcu("evaluate", "--truth", truth, "--assigned", assigned, "--json")
    figures = json.loads(result.stdout)

    assert result.exit_code == ExitCode.OK
    assert (figures["precision"], figures["recall"]) == (pytest.approx(1 / 3), 0.5)
    assert (figures["over_merged_clients"], figures["split_clients"]) == (2, 1)
    assert (figures["unassigned"], figures["unknown"]) == (1, 1)


def test_without_a_file_the_clients_of_the_database_are_measured(
    rcu: Rcu, clients: None, tmp_path: Path
) -> None:
    result = rcu("evaluate", "--truth", put(tmp_path, "truth.csv", TRUTH))

    assert clients is None
    assert result.exit_code == ExitCode.OK
    assert "Pairwise F1" in result.stdout
    assert "0.6667" in result.stdout


def test_the_sources_of_a_truth_are_found_however_their_codes_are_written(
    rcu: Rcu, clients: None, tmp_path: Path
) -> None:
    truth = TRUTH.replace("source", "DATA_SOURCE").replace("pos", "POS")

    result = rcu("evaluate", "--truth", put(tmp_path, "truth.csv", truth), "--json")

    assert clients is None
    assert json.loads(result.stdout)["pairs_correct"] == 1


@pytest.mark.parametrize(
    ("truth", "options"),
    [
        (
            "unique_id,cluster\n1,A\n2,A\n3,B\n4,B\n",
            ["--record", "unique_id", "--client", "cluster"],
        ),
        ("cluster\nA\nA\nB\nB\n", ["--by-row", "--client", "cluster"]),
        ("a,b\n1,2\n3,4\n", ["--pairs", "a", "b"]),
        ("a,b\n2,1\n4,3\n1,2\n", ["--pairs", "a", "b", "--source", "pos"]),
    ],
    ids=["beside_the_records", "by_row", "pairs", "pairs_of_two_sides"],
)
def test_the_truth_may_stand_beside_the_records_or_in_pairs(
    rcu: Rcu, clients: None, tmp_path: Path, truth: str, options: list[str]
) -> None:
    path = put(tmp_path, "truth.csv", truth)

    result = rcu("evaluate", "--truth", path, "--source", "pos", *options, "--json")
    figures = json.loads(result.stdout)

    assert clients is None
    assert (figures["clients_true"], figures["pairs_true"], figures["pairs_correct"]) == (2, 2, 1)


def test_records_in_no_pair_are_people_of_their_own(
    rcu: Rcu, clients: None, tmp_path: Path
) -> None:
    path = put(tmp_path, "pairs.csv", "a,b\n1,2\n2,9\n")

    result = rcu("evaluate", "--truth", path, "--source", "pos", "--pairs", "a", "b", "--json")
    figures = json.loads(result.stdout)

    assert clients is None
    assert (figures["records"], figures["clients_true"], figures["pairs_true"]) == (5, 3, 3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "no column record_id, source, client_id"),
        (["--record", "no", "--source", "pos", "--client", "x"], "no column x"),
        (["--pairs", "no", "y"], "no column y"),
        (["--pairs", "no", "who"], "--source"),
    ],
)
def test_a_truth_that_is_not_found_says_how_to_name_it(
    rcu: Rcu, tmp_path: Path, options: list[str], said: str
) -> None:
    result = rcu("evaluate", "--truth", put(tmp_path, "truth.csv", "no,who\n1,A\n"), *options)

    assert result.exit_code == ExitCode.USAGE
    assert said in result.output


def test_a_truth_of_other_records_is_told(rcu: Rcu, clients: None, tmp_path: Path) -> None:
    path = put(tmp_path, "truth.csv", "source,record_id,client_id\nshop,1,A\n")

    result = rcu("evaluate", "--truth", path)

    assert clients is None
    assert "No record of the truth is among the records measured" in result.stderr


@pytest.fixture
async def clients(database: Database) -> None:
    """Add the four records, of which the first two are rightly one client."""

    async def work(session: AsyncSession) -> None:
        first = await make_record(session, Place("pos", "1"))
        await make_record(session, Place("pos", "2"), client_id=first.client_id)
        await make_record(session, Place("pos", "3"))
        await make_record(session, Place("pos", "4"))

    await database.run(work)


def test_any_delimiter_and_gzip_will_do(rcu: Rcu, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv.gz"
    truth.write_bytes(gzip.compress(TRUTH.replace(",", ";").encode()))

    result = rcu("evaluate", "--truth", truth, "--assigned", truth, "--json")

    assert json.loads(result.stdout)["exact_clients"] == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source,client_id\npos,A\n", "no column record_id"),
        ("source,record_id,client_id\npos,1,A\npos,1,B\n", "line 3"),
        ("source,record_id,client_id\npos,1\n", "line 2"),
    ],
)
def test_a_truth_that_contradicts_itself_is_refused(
    rcu: Rcu, tmp_path: Path, text: str, said: str
) -> None:
    truth = put(tmp_path, "truth.csv", text)

    result = rcu("evaluate", "--truth", truth, "--assigned", truth)

    assert result.exit_code == ExitCode.USAGE
    assert said in result.output


TICKETS = "source,ticket_id,client_id,attach\npos,T1,A,card\npos,T2,B,card\npos,T3,B,none\n"


def test_the_tickets_of_the_database_are_measured_by_what_they_could_be_known(
    rcu: Rcu, tickets: None, tmp_path: Path
) -> None:
    truth = put(tmp_path, "truth.csv", TRUTH)
    true_tickets = put(tmp_path, "tickets.csv", TICKETS)
    words = ("evaluate", "--truth", truth, "--tickets", true_tickets)

    shown = rcu(*words)
    figures = json.loads(rcu(*words, "--attachable", "none", "--json").stdout)

    assert tickets is None
    assert shown.exit_code == ExitCode.OK
    assert "own_record 2" in shown.stdout
    assert [
        (tag["tag"], tag["tickets"], tag["attached"], tag["right"]) for tag in figures["tickets"]
    ] == [("card", 2, 2, 1), ("none", 1, 0, 0), ("attachable", 1, 0, 0), ("all", 3, 2, 1)]
    assert figures["tickets"][0]["by_method"] == {"own_record": 2}


def test_a_file_of_tickets_that_cannot_be_read_is_refused(rcu: Rcu, tmp_path: Path) -> None:
    truth = put(tmp_path, "truth.csv", TRUTH)
    twice = put(tmp_path, "twice.csv", TICKETS + "pos,T1,B,card\n")
    bare = put(tmp_path, "bare.csv", "source,ticket_id\npos,T1\n")

    results = [rcu("evaluate", "--truth", truth, "--tickets", path) for path in (twice, bare)]

    assert [result.exit_code for result in results] == [ExitCode.USAGE, ExitCode.USAGE]
    assert "stands twice" in results[0].stderr
    assert "client_id, attach" in results[1].stderr


@pytest.fixture
async def tickets(database: Database) -> None:
    """Add the four records, with two tickets of the first person's client and one of nobody."""

    async def work(session: AsyncSession) -> None:
        first = await make_record(session, Place("pos", "1"))
        await make_record(session, Place("pos", "2"), client_id=first.client_id)
        await make_ticket(session, first, ticket_id="T1")
        await make_ticket(session, first, ticket_id="T2")
        await make_ticket(session, None, ticket_id="T3")

    await database.run(work)

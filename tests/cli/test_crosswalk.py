"""`rcu crosswalk`: every record and its client, sorted, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.cli.running import ExitCode
from rcu.db.engine import Database
from rcu.identity import crosswalk
from tests.cli.conftest import Rcu
from tests.factories import Place, make_record


@pytest.fixture
async def records(database: Database) -> dict[str, str]:
    """Add records out of order, two of one client; return the client of each."""

    async def work(session: AsyncSession) -> dict[str, str]:
        first = await make_record(session, Place("pos", "b"))
        await make_record(session, Place("pos", "B"), client_id=first.client_id)
        await make_record(session, Place("eshop", "é"), kind="reference")
        await make_record(session, Place("pos", "ids:1"), kind="identifiers")
        return {"b": str(first.client_id)}

    return await database.run(work)


def test_records_are_sorted_by_their_bytes(
    rcu: Rcu, records: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "out.csv"

    result = rcu("crosswalk", "--to", target)
    lines = [line.split(",") for line in target.read_text(encoding="utf-8").splitlines()]

    assert result.exit_code == ExitCode.OK
    assert [line[:2] for line in lines] == [
        ["source", "record_id"],
        ["eshop", "é"],
        ["pos", "B"],
        ["pos", "b"],
    ]
    assert lines[2][2] == lines[3][2] == records["b"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("records")
def test_records_of_identifiers_are_written_when_asked_for(rcu: Rcu) -> None:
    result = rcu("crosswalk", "--to", "-", "--all")

    assert "pos,ids:1," in result.stdout
    assert "4 records" in result.stderr
    assert "4 records" not in result.stdout


@pytest.mark.usefixtures("records")
def test_a_crosswalk_that_fails_leaves_the_earlier_file_alone(
    rcu: Rcu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.csv"
    target.write_text("earlier", encoding="utf-8")

    async def fail_midway(*_: object, **__: object) -> object:
        yield crosswalk.CrosswalkRow("pos", "1", None)  # type: ignore[arg-type]
        raise RuntimeError

    monkeypatch.setattr(crosswalk, "stream_crosswalk", fail_midway)
    result = rcu("crosswalk", "--to", target)

    assert result.exit_code != ExitCode.OK
    assert target.read_text(encoding="utf-8") == "earlier"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_is_not_there_is_a_usage_error(rcu: Rcu, tmp_path: Path) -> None:
    result = rcu("crosswalk", "--to", tmp_path / "nowhere" / "out.csv")

    assert result.exit_code == ExitCode.USAGE
    assert "cannot be written" in result.output


@pytest.mark.usefixtures("records")
async def test_reading_the_crosswalk_may_stop_early_and_gives_its_connection_back(
    database: Database,
) -> None:
    rows = crosswalk.stream_crosswalk(database)

    first = await anext(rows)
    held = database.pool_use().in_use
    await rows.aclose()

    assert first.external_id == "é"
    assert (held, database.pool_use().in_use) == (1, 0)

"""`rcu report attach-rate`: as table, CSV, JSON and chart."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import URL

from rcu.db.engine import Database
from tests.cli.conftest import Rcu
from tests.ingestion.shop import open_shop, sale

MARCH = ("--from", "2025-03-01", "--to", "2025-03-31")


async def sell(url: URL) -> None:
    database = Database(url)
    async with open_shop(database) as shop:
        await shop.ticket(sale(token="par_tok_1", total_cents=3000))
        await shop.profile("pos", "P1", given_name="Odile")
        await shop.ticket(
            sale(token="par_tok_1", customer={"external_id": "P1"}, store="S002", cashier="[C1]")
        )
    await database.close()


@pytest.fixture
def sold(rcu: Rcu, database_url: URL) -> Rcu:
    import anyio

    anyio.run(sell, database_url)
    return rcu


def test_the_table_has_a_line_for_each_group_and_one_for_all(sold: Rcu) -> None:
    result = sold("report", "attach-rate", *MARCH, "-g", "store", "-g", "cashier")

    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if "│" in line]
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    assert cells == [
        ["S001", "none", "1", "0.0%", "100.0%", "0.0%", "100.0%", "0", "0"],
        ["S002", "[C1]", "1", "100.0%", "100.0%", "100.0%", "100.0%", "0", "1"],
        ["all", "", "2", "50.0%", "100.0%", "25.0%", "100.0%", "0", "1"],
    ]
    assert "Missed recognitions: 0. Definitions: version 1." in result.stdout


def test_files_say_the_same_as_csv_and_json(sold: Rcu, tmp_path: Path) -> None:
    files = tmp_path / "rates.csv", tmp_path / "rates.json"
    words = [word for file in files for word in ("-o", file)]

    result = sold("report", "attach-rate", *MARCH, "-g", "store", *words)

    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(StringIO(files[0].read_text())))
    told = json.loads(files[1].read_text())["groups"]
    assert [(row["store"], row["tickets"], row["EUR_total_cents"]) for row in rows] == [
        ("S001", "1", "3000"),
        ("S002", "1", "1000"),
    ]
    assert [one["group"]["store"] for one in told] == ["S001", "S002"]
    assert [one["figures"]["rate_at_sale"] for one in told] == [0.0, 1.0]


def test_a_chart_is_drawn_of_any_grouping(sold: Rcu, tmp_path: Path) -> None:
    for by in ((), ("store",), ("week",), ("day", "store", "till")):
        chart = tmp_path / "rates.svg"
        groups = [word for name in by for word in ("-g", name)]

        result = sold("report", "attach-rate", *MARCH, *groups, "-o", chart)

        assert result.exit_code == 0, result.output
        assert "as known now" in chart.read_text()
        chart.unlink()


def test_a_chart_that_nobody_could_read_is_refused(
    sold: Rcu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rcu.analytics.attach_rate_report.MOST_DRAWN", 1)
    chart = tmp_path / "rates.svg"

    result = sold("report", "attach-rate", *MARCH, "-g", "store", "-o", chart)

    assert (result.exit_code, chart.exists()) == (1, False)
    assert "2 groups" in result.stderr


def test_as_of_tells_what_was_known_then(sold: Rcu) -> None:
    result = sold("report", "attach-rate", *MARCH, "--as-of", "2026-01-01T00:00")

    assert result.exit_code == 0, result.output
    assert "as known at 2025-12-31T23:00:00+00:00" in result.stdout
    assert [line.split("│")[1].strip() for line in result.stdout.splitlines() if "│" in line] == [
        "0"
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "2024-01-01", "--to", "2024-12-31"), "No sale from 2024-01-01 to 2024-12-31."),
        ((*MARCH, "--store", "S009"), "No sale that fits the filters from 2025-03-01"),
        ((*MARCH, "--as-of", "2025-01-01T00:00"), "those count that had been received by then"),
    ],
)
def test_a_report_on_nothing_says_where_there_is_something(
    sold: Rcu, words: tuple[str, ...], told: str
) -> None:
    result = sold("report", "attach-rate", *words)

    assert result.exit_code == 0
    assert told in result.stderr
    assert "In all, there are some from 2025-03-01 to 2025-03-01: ask with" in result.stderr


def test_a_report_before_the_first_ticket_says_so(rcu: Rcu) -> None:
    result = rcu("report", "attach-rate", "--kind", "return")

    assert result.exit_code == 0
    assert "No return has been received yet." in result.stderr


def test_counting_anew_finds_nothing_wrong_unless_something_is(
    sold: Rcu, database_url: URL
) -> None:
    import anyio

    async def spoil() -> None:
        database = Database(database_url)
        async with database.transaction() as session:
            from sqlalchemy import text

            await session.execute(text("UPDATE attach_rate_cell SET amount_cents = 1"))
        await database.close()

    sound = sold("report", "attach-rate", *MARCH, "--recount")
    anyio.run(spoil)
    unsound = sold("report", "attach-rate", *MARCH, "--recount")

    assert "0 figures were wrong" in sound.stderr
    assert "8 figures were wrong" in unsound.stderr
    assert sound.stdout == unsound.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--from", "2025-03-02", "--to", "2025-03-01"),
        ("--as-of", "yesterday"),
        ("--as-of", "2999-01-01"),
        ("--as-of", "0001-01-01T00:00"),
        ("--from", "2999-01-01"),
        ("-g", "cat"),
        ("-o", "rates.xls"),
    ],
)
def test_a_question_that_makes_no_sense_ends_with_two(rcu: Rcu, words: tuple[str, ...]) -> None:
    assert rcu("report", "attach-rate", *words).exit_code == 2

"""`rcu report parity`: what is listed, what is written, and what is said of the rest."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import anyio
import pytest
from sqlalchemy import URL

from rcu.db.engine import Database
from tests.cli.conftest import Rcu
from tests.ingestion.shop import open_shop, sale
from tests.loyalty.club import CLUB, activate

TRIPLE = {"code": "triple-on-saturdays-in-march", "factor": 3, "when": {"weekdays": ["saturday"]}}
"""The test day is a Saturday."""


async def sell(url: URL) -> None:
    database = Database(url)
    async with open_shop(database) as shop:
        await activate(database, CLUB | {"version": "club-2", "multipliers": [TRIPLE]})
        for number in (1, 2):
            await shop.ticket(sale(number, customer={"external_id": "P1"}))
    await database.close()


@pytest.fixture
def sold(rcu: Rcu, database_url: URL) -> Rcu:
    anyio.run(sell, database_url)
    return rcu


def test_each_deviating_ticket_is_listed_in_full_and_what_is_not_is_said(sold: Rcu) -> None:
    all_of_them = sold("report", "parity", "--to", "2025-03-31")
    one = sold("report", "parity", "--limit", 1)

    cells = [line.split("│") for line in all_of_them.stdout.splitlines() if "│" in line]
    assert "".join(line[1].strip() for line in cells[1:]).count("pos/S001-01-20250301-") == 2
    assert "".join(line[-2].strip() for line in cells).count("triple-on-saturdays-in-march") == 2
    assert "0 tickets earned the plain rate, 2 by a rule beside, 0 without one." in one.stdout
    assert "1 of the 2 that deviate are listed" in one.stderr
    assert all_of_them.stderr == ""


def test_the_file_has_every_one(sold: Rcu, tmp_path: Path) -> None:
    file = tmp_path / "parity.csv"

    result = sold("report", "parity", "--limit", 1, "-o", file)

    assert (result.exit_code, result.stderr) == (0, "")
    rows = list(csv.DictReader(StringIO(file.read_text())))
    assert [(row["ticket_id"], row["plain_points"], row["points"]) for row in rows] == [
        ("S001-01-20250301-1", "10", "30"),
        ("S001-01-20250301-2", "10", "30"),
    ]


def test_days_the_wrong_way_round_are_a_usage_error(rcu: Rcu) -> None:
    assert rcu("report", "parity", "--from", "2025-03-02", "--to", "2025-03-01").exit_code == 2


@pytest.mark.parametrize("name", ["attach-rate", "parity"])
def test_a_file_that_cannot_be_written_is_a_usage_error(
    rcu: Rcu, tmp_path: Path, name: str
) -> None:
    result = rcu("report", name, "-o", tmp_path / "nowhere" / "report.csv")

    assert result.exit_code == 2
    assert "report.csv cannot be read or written: No such file" in result.stderr.replace("\n", "")

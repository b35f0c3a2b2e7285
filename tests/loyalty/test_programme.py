"""Putting a programme in force, by API and by command."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from rcu.cli.main import app
from tests.ingestion.shop import Shop, sale
from tests.loyalty.club import CLUB


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", 20251201, "2025-12-01T00:00:00"])
async def test_a_programme_is_not_put_in_force_from_a_day_on_which_nobody_trades(
    shop: Shop, day: str | int
) -> None:
    body = {"document": CLUB | {"version": "club-2"}, "effective_on": day}

    response = await shop.call("POST", "loyalty/programme", body, who="staff")

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["/effective_on"]
    # PostgreSQL's driver takes such days for infinity, which then no sale can be read beside.
    told = await shop.ticket(sale(customer={"card": "2990001234567"}))
    assert told["loyalty"]["earned"] == 10


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_the_command_says_so_as_well(tmp_path: Path, day: str) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(CLUB))

    result = CliRunner().invoke(app, ["programme", "activate", str(file), "--from", day])

    assert result.exit_code == 2
    assert "Input should be a day from 1900 on and before 2200" in result.output

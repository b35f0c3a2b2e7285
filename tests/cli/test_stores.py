"""`rcu stores` and the routes of stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from rcu.access.models import Scope
from rcu.cli.running import ExitCode
from rcu.db.engine import Database
from tests.cli.conftest import Rcu
from tests.service_client import bearer, issue_key, running_service

LIST = "store_id,name,postcode,city,timezone\nS1,Lille 1,59000,Lille,Europe/Paris\nS2,Nice 2,,,\n"


def put(folder: Path, text: str) -> Path:
    path = folder / "stores.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_of_stores_is_imported_and_brought_up_to_date(rcu: Rcu, tmp_path: Path) -> None:
    first = rcu("stores", "import", put(tmp_path, LIST))
    again = rcu("stores", "import", put(tmp_path, LIST))
    moved = rcu("stores", "import", put(tmp_path, LIST.replace("Nice 2,,", "Nice 2,06000,Nice")))
    listed = rcu("stores", "list").stdout

    assert first.stdout.strip() == "Stores: 2 added."
    assert again.stdout.strip() == "Stores: 2 unchanged."
    assert moved.stdout.strip() == "Stores: 1 updated, 1 unchanged."
    assert "06000" in listed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LIST.replace("Europe/Paris", "Paris"), "Line 2: timezone"),
        (LIST.replace("Nice 2", ""), "Line 3: name"),
        ("name,city\nLille,Lille\n", "code of a store"),
    ],
)
def test_a_list_with_a_fault_adds_no_store_at_all(
    rcu: Rcu, tmp_path: Path, text: str, said: str
) -> None:
    result = rcu("stores", "import", put(tmp_path, text))

    assert result.exit_code == ExitCode.USAGE
    assert said in result.output
    assert "Lille" not in rcu("stores", "list").stdout


def test_adding_a_store_twice_changes_nothing_and_another_of_its_code_is_refused(rcu: Rcu) -> None:
    added, again = (rcu("stores", "add", "S1", "--name", "Lille") for _ in range(2))
    other = rcu("stores", "add", "S1", "--name", "Nice")

    assert (added.stdout.strip(), again.stdout.strip()) == (
        "Stores: 1 added.",
        "Stores: 1 unchanged.",
    )
    assert other.exit_code == ExitCode.PROBLEM
    assert "S1 exists already" in other.output


def test_a_time_zone_that_does_not_exist_is_a_usage_error(rcu: Rcu) -> None:
    result = rcu("stores", "add", "S1", "--name", "Lille", "--timezone", "Paris")

    assert result.exit_code == ExitCode.USAGE
    assert "Europe/Paris" in result.output


async def test_a_store_added_over_http_lets_the_tickets_in_that_waited_for_it(
    database: Database,
) -> None:
    till = await issue_key(database, Scope.INGEST, source="pos")
    admin = await issue_key(database, Scope.ADMIN)
    ticket = {
        "message_id": "m1",
        "ticket_id": "T1",
        "store": "S1",
        "sold_at": "2025-03-01T10:00:00Z",
        "total_cents": 1250,
    }
    async with running_service(database) as client:
        parked = await client.post("/v1/tickets", json=ticket, headers=bearer(till))
        store = {"code": "S1", "name": "Lille"}
        added = await client.post("/v1/stores", json=store, headers=bearer(admin))
        other = await client.post(
            "/v1/stores", json=store | {"name": "Nice"}, headers=bearer(admin)
        )
        listed = await client.get("/v1/stores", headers=bearer(admin))
        waiting = await client.get("/v1/parked", headers=bearer(admin))

    assert parked.json()["outcome"] == "parked"
    assert (added.status_code, other.status_code) == (201, 409)
    assert [one["code"] for one in listed.json()["stores"]] == ["S1"]
    assert waiting.json()["parked"] == []


async def test_only_an_administrator_may_add_or_list_stores(database: Database) -> None:
    reader = await issue_key(database, Scope.CLIENTS_READ)
    async with running_service(database) as client:
        listed = await client.get("/v1/stores", headers=bearer(reader))
        added = await client.post(
            "/v1/stores", json={"code": "S1", "name": "Lille"}, headers=bearer(reader)
        )

    assert (listed.status_code, added.status_code) == (403, 403)

"""`rcu resolve` and `rcu import --bulk`, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import URL

from rcu.cli.running import ExitCode
from tests.cli.conftest import Rcu
from tests.cli.test_brake import trip

PROFILES = """\
source;record_id;created_at;given_name;family_name;birth_date;email;phone
pos;P1;2025-01-02T10:00:00Z;Zoé;Martinet;03/04/1980;zoe.martinet@poste.example;06 39 98 00 01
eshop;E1;2025-01-03T10:00:00Z;Zoe;MARTINET;1980-04-03;zoe.martinet@poste.example;
pos;P2;2025-01-04T10:00:00Z;Amadou;Kervella;;amadou@poste.example;
pos;;2025-01-05T10:00:00Z;Nobody;Nowhere;;;
"""
TICKETS = (
    '{"source": "pos", "ticket_id": "T1", "store_id": "S1", "sold_at": "2025-02-01T10:00:00Z", '
    '"total_cents": 1250}\n'
)


@pytest.fixture
def shop(rcu: Rcu) -> Rcu:
    """Give the command on a database that has two sources and a store."""
    for code, kind in (("pos", "pos"), ("eshop", "ecommerce")):
        assert rcu("sources", "add", code, "--name", code, "--kind", kind).exit_code == 0
    assert rcu("stores", "add", "S1", "--name", "Lille").exit_code == 0
    return rcu


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file of three profiles of two people, and a row that is none."""
    path = tmp_path / "people.csv"
    path.write_text(PROFILES, encoding="utf-8")
    return path


def test_a_first_load_becomes_clients_and_an_import_of_the_file_recognises_it(
    shop: Rcu, file: Path
) -> None:
    loaded = shop("import", file, "--bulk")
    again = shop("import", file)

    assert loaded.exit_code == ExitCode.PROBLEM
    assert "matched" in loaded.output
    assert "refused" in loaded.output
    assert file.with_name("people.csv.rejected.csv").exists()
    assert "replayed" in again.output


def test_a_second_load_is_refused_with_what_to_do(shop: Rcu, file: Path) -> None:
    shop("import", file, "--bulk")

    refused = shop("import", file, "--bulk")

    assert refused.exit_code == ExitCode.PROBLEM
    assert "the same command without it" in refused.output


def test_a_first_load_takes_profiles_only(shop: Rcu, tmp_path: Path) -> None:
    tickets = tmp_path / "tickets.jsonl"
    tickets.write_text(TICKETS, encoding="utf-8")

    refused = shop("import", tickets, "--bulk")

    assert refused.exit_code == ExitCode.PROBLEM
    assert "for profiles" in refused.output


def test_resolving_all_says_that_nothing_differs(shop: Rcu, file: Path) -> None:
    shop("import", file)

    resolved = shop("resolve", "--all", "--dry-run")
    adopted = shop("resolve", "--all")

    assert resolved.exit_code == adopted.exit_code == ExitCode.OK
    assert "Would change" in resolved.output
    assert "records formed anew" in adopted.output


def test_a_dry_run_says_that_brakes_would_hold_back_some_of_it(
    shop: Rcu, file: Path, database_url: URL
) -> None:
    shop("import", file)
    trip(database_url)

    resolved = shop("resolve", "--all", "--dry-run")

    assert "rcu brake list" in resolved.output


def test_resolving_has_to_be_asked_for_by_name(shop: Rcu) -> None:
    assert shop("resolve").exit_code == ExitCode.USAGE

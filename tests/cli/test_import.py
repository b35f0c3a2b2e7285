"""`rcu import`: from a file to clients, and what is said on the way."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import anyio
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import URL, text

from rcu.cli.running import ExitCode
from rcu.db.engine import Database
from rcu.db.errors import DatabaseUnavailableError
from rcu.ingestion import service
from tests.cli.conftest import Rcu

PROFILES = """\
source;record_id;created_at;given_name;family_name;birth_date;email;phone
pos;P1;2025-01-02T10:00:00Z;Zoé;Martinet;03/04/1980;zoe.martinet@poste.example;06 39 98 00 01
eshop;E1;2025-01-03T10:00:00Z;Zoe;MARTINET;1980-04-03;zoe.martinet@poste.example;
pos;P2;2025-01-04T10:00:00Z;Amadou;Kervella;;amadou@poste.example;
"""
TICKETS = (
    '{"source": "pos", "ticket_id": "T1", "store_id": "S1", "sold_at": "2025-02-01T10:00:00Z", '
    '"total_cents": 1250, "email": "zoe.martinet@poste.example", "phone": null}\n'
    '{"source": "pos", "ticket_id": "T2", "store_id": "S9", "sold_at": "2025-02-01T11:00:00Z", '
    '"total_cents": 900}\n'
)


@pytest.fixture
def shop(rcu: Rcu) -> Rcu:
    """Give the command on a database that has two sources and a store."""
    for code, kind in (("pos", "pos"), ("eshop", "ecommerce")):
        assert rcu("sources", "add", code, "--name", code, "--kind", kind).exit_code == 0
    assert rcu("stores", "add", "S1", "--name", "Lille").exit_code == 0
    return rcu


def put(folder: Path, text: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def clients(rcu: Rcu, folder: Path) -> dict[str, str]:
    """Return the client of each record by its external id."""
    target = folder / "crosswalk.csv"
    assert rcu("crosswalk", "--to", target).exit_code == ExitCode.OK
    with target.open(encoding="utf-8", newline="") as stream:
        return {row["record_id"]: row["client_id"] for row in csv.DictReader(stream)}


def figures(output: str) -> dict[str, str]:
    """Return the figures of the summary by their labels."""
    cells = (line.split("│") for line in output.splitlines() if line.startswith("│"))
    return {label.strip(): count.strip() for _, label, count, *_ in cells}


def test_a_file_of_several_sources_becomes_clients_without_a_mapping(
    shop: Rcu, tmp_path: Path
) -> None:
    result = shop("import", put(tmp_path, PROFILES.encode("cp1252")))
    found = clients(shop, tmp_path)

    assert result.exit_code == ExitCode.OK
    assert "CSV, delimiter semicolon, Windows-1252" in result.stderr
    assert "profiles (by the columns)" in result.stderr
    assert figures(result.stdout) == {"created": "2", "matched": "1", "rows": "3"}
    assert found["P1"] == found["E1"] != found["P2"]


@pytest.mark.parametrize("kind", ["json lines", "gzipped csv", "parquet"])
def test_the_format_makes_no_difference(shop: Rcu, tmp_path: Path, kind: str) -> None:
    shop("import", put(tmp_path, PROFILES))
    rows = list(csv.DictReader(PROFILES.splitlines(), delimiter=";"))
    path = tmp_path / "other"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "gzipped csv":
        path.write_bytes(gzip.compress(PROFILES.encode("utf-8-sig")))
    else:
        path.write_text("".join(json_line(row) for row in rows), encoding="utf-8")

    again = shop("import", path)

    assert figures(again.stdout) == {"replayed": "3", "rows": "3"}


def json_line(row: dict[str, str]) -> str:
    return json.dumps({name: cell or None for name, cell in row.items()}) + "\n"


def test_importing_a_file_again_changes_nothing_and_says_so(shop: Rcu, tmp_path: Path) -> None:
    path = put(tmp_path, PROFILES)
    shop("import", path)
    before = clients(shop, tmp_path)

    again = shop("import", path)

    assert again.exit_code == ExitCode.OK
    assert "all imported before: nothing changed" in again.stdout
    assert clients(shop, tmp_path) == before


def test_what_is_read_right_after_an_import_is_planned_by_what_came(
    shop: Rcu, database_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rcu.cli.imports.MANY_ROWS", 3)

    shop("import", put(tmp_path, PROFILES))

    async def known_rows() -> float:
        database = Database(database_url)
        async with database.read() as connection:
            known = await connection.scalar(
                text("SELECT reltuples FROM pg_class WHERE oid = 'source_record'::regclass")
            )
        await database.close()
        return float(known or 0)

    assert anyio.run(known_rows) == 3


CONSENTS = """\
source,customer_ref,purpose,channel,consent,consented_at,how,wording
pos,P1,marketing,sms,granted,2025-01-02T10:00:00Z,till,form-3
pos,P1,marketing,,withdrawn,2025-02-02T10:00:00Z,letter,
pos,P2,sorcery,,granted,2025-02-02T10:00:00Z,till,form-3
"""


def test_a_file_of_consents_becomes_proof_and_an_unknown_purpose_is_told(
    shop: Rcu, database_url: URL, tmp_path: Path
) -> None:
    shop("import", put(tmp_path, PROFILES))

    result = shop("import", put(tmp_path, CONSENTS, "consents.csv"), "--type", "consents")
    again = shop("import", put(tmp_path, CONSENTS, "consents.csv"), "--type", "consents")

    assert result.exit_code == again.exit_code == ExitCode.PROBLEM
    refused = (tmp_path / "consents.csv.rejected.csv").read_text(encoding="utf-8")
    assert "No purpose has the code sorcery" in refused

    async def proof() -> list[Any]:
        database = Database(database_url)
        async with database.read() as connection:
            rows = await connection.execute(
                text(
                    "SELECT r.external_id, c.purpose, c.channel, c.status, c.how "
                    "FROM consent_record c JOIN source_record r ON r.id = c.record_id "
                    "ORDER BY c.occurred_at"
                )
            )
        await database.close()
        return [tuple(row) for row in rows]

    assert anyio.run(proof) == [
        ("P1", "marketing", "sms", "granted", "till"),
        ("P1", "marketing", None, "withdrawn", "letter"),
    ]


def test_a_first_load_does_not_lose_the_consents_of_its_profiles(shop: Rcu, tmp_path: Path) -> None:
    box = json.dumps([{"purpose": "newsletter", "status": "granted"}])
    row = {"source": "pos", "record_id": "P1", "given_name": "Zoé", "consents": box}

    result = shop("import", put(tmp_path, json.dumps(row), "people.jsonl"), "--bulk")

    assert result.exit_code != ExitCode.OK
    assert "consents" in result.output


def test_tickets_wait_for_their_store_and_go_in_with_it(shop: Rcu, tmp_path: Path) -> None:
    shop("import", put(tmp_path, PROFILES))

    result = shop("import", put(tmp_path, gzip.compress(TICKETS.encode()), "tickets.jsonl.gz"))
    opened = shop("stores", "add", "S9", "--name", "Arras")
    again = shop("import", tmp_path / "tickets.jsonl.gz")

    assert result.exit_code == ExitCode.OK
    assert figures(result.stdout) == {"recorded": "1", "parked: unknown_store": "1", "rows": "2"}
    assert "1 of all imports still wait" in result.stdout
    assert opened.exit_code == ExitCode.OK
    assert figures(again.stdout) == {"replayed": "2", "rows": "2"}


def test_a_return_before_its_sale_is_applied_by_the_end_of_the_import(
    shop: Rcu, tmp_path: Path
) -> None:
    text = """\
source,kind,ticket_id,store_id,sold_at,total_cents,original_ticket_id
pos,return,T2,S1,2025-02-02T10:00:00Z,-500,W1
eshop,sale,W1,,2025-02-01T10:00:00Z,500,
"""

    result = shop("import", put(tmp_path, text))

    assert figures(result.stdout)["parked: unknown_ticket"] == "1"
    assert "all applied meanwhile" in result.stdout


def test_refused_rows_are_told_from_accepted_ones_by_exit_code_and_file(
    shop: Rcu, tmp_path: Path
) -> None:
    path = put(tmp_path, PROFILES.replace("2025-01-04T10:00:00Z", "one day"))

    result = shop("import", path)
    refused = (tmp_path / "data.csv.rejected.csv").read_text(encoding="utf-8")

    assert result.exit_code == ExitCode.PROBLEM
    assert figures(result.stdout)["refused"] == "1"
    assert "holds personal data" in result.stderr
    assert "4;occurred_at (column created_at)" in refused
    assert "amadou" not in result.output


def test_a_dry_run_shows_the_messages_and_imports_nothing(shop: Rcu, tmp_path: Path) -> None:
    path = put(tmp_path, PROFILES.replace("2025-01-04T10:00:00Z", "one day"))

    result = shop("import", path, "--dry-run")

    assert result.exit_code == ExitCode.OK
    assert '"external_id":"P1"' in result.stdout
    assert "Of the first 3 rows, 2 are well-formed, 1 refused." in result.stdout
    assert clients(shop, tmp_path) == {}
    assert not (tmp_path / "data.csv.rejected.csv").exists()


def test_what_is_not_understood_is_told_before_the_import(shop: Rcu, tmp_path: Path) -> None:
    path = put(tmp_path, "id,name,dob\n1,Zoé Martinet,someday\n1,Zoé Martinet,NULL\n")

    result = shop("import", path, "--source", "pos")

    assert result.exit_code == ExitCode.OK
    assert result.stderr.count("birth_date (dob): 1 of 2 rows hold") == 1
    assert "NULL (1)" in result.stderr
    assert "1 of the first 2 rows have the id of an earlier row" in result.stderr
    assert "someday" not in result.output


def test_a_source_picks_its_rows_of_a_file_of_several(shop: Rcu, tmp_path: Path) -> None:
    result = shop("import", put(tmp_path, PROFILES), "--source", "eshop")

    assert figures(result.stdout) == {"created": "1", "left out": "2", "rows": "3"}


def test_a_mapping_renames_columns(shop: Rcu, tmp_path: Path) -> None:
    data = put(tmp_path, "no\tqui\tquand\n7\tKervella\t03/04/2025\n")
    mapping = put(
        tmp_path, "fields: {external_id: no, family_name: qui, occurred_at: quand}", "mapping.yml"
    )

    result = shop("import", data, "--source", "pos", "--mapping", mapping, "--type", "profiles")

    assert result.exit_code == ExitCode.OK
    assert "family_name <- qui" in result.stderr
    assert set(clients(shop, tmp_path)) == {"7"}


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n", ["--source", "pos"], "--type"),
        ("record_id,email\n1,a\n", [], "--source"),
        ("record_id,email\n1,a\n", ["--source", "poss"], "Did you mean pos?"),
        ("", ["--source", "pos"], "empty"),
        ("record_id,email\n1,a\n", ["--source", "pos", "--rejects", "data.csv"], "overwrite"),
    ],
)
def test_what_cannot_be_understood_is_a_usage_error(
    shop: Rcu,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    options: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    result = shop("import", put(tmp_path, text), *options)

    assert result.exit_code == ExitCode.USAGE
    assert said in result.output


def test_a_database_that_is_away_is_told_from_a_bad_file(
    shop: Rcu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RCU_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")

    assert shop("import", put(tmp_path, PROFILES)).exit_code == ExitCode.DATABASE_UNAVAILABLE


def test_an_import_cut_short_goes_on_where_it_was(
    shop: Rcu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, PROFILES)
    real = service.receive_all

    async def away_for_the_shop(database: Database, **given: Any) -> list[service.Receipt]:
        if given["source"] == "eshop":
            raise DatabaseUnavailableError
        return await real(database, **given)

    with monkeypatch.context() as cut:
        cut.setattr(service, "receive_all", away_for_the_shop)
        first = shop("import", path)
    second = shop("import", path)

    assert first.exit_code == ExitCode.DATABASE_UNAVAILABLE
    assert "Give the same command again" in " ".join(first.stderr.split())
    assert figures(second.stdout) == {"matched": "1", "replayed": "2", "rows": "3"}

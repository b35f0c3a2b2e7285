"""`rcu sources` and `rcu keys`."""

from __future__ import annotations

import pytest
from sqlalchemy import URL
from typer.testing import CliRunner, Result

from rcu.access.keys import read_key
from rcu.cli.main import app
from rcu.cli.running import ExitCode

pytestmark = pytest.mark.usefixtures("anyio_backend", "_database_of_the_test")


@pytest.fixture
def _database_of_the_test(database_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    address = database_url.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("RCU_DATABASE_URL", address)
    monkeypatch.setenv("RCU_ALLOW_UNSAFE_DURABILITY", "true")
    monkeypatch.setenv("COLUMNS", "200")


def rcu(command: str) -> Result:
    return CliRunner().invoke(app, command.split())


def add_source() -> None:
    assert rcu("sources add pos --name Tills --kind pos").exit_code == ExitCode.OK


def test_a_name_is_shown_as_it_is_whatever_brackets_it_has() -> None:
    rcu("sources add pos --name [/bold] --kind pos")
    rcu("keys create --reader [/red] --scope admin --name [bold]key")

    assert "[/bold]" in rcu("sources list").stdout
    listed = rcu("keys list").stdout

    assert "reader [/red]" in listed
    assert "[bold]key" in listed


def test_a_source_is_added_and_listed() -> None:
    add_source()
    add_source()

    listed = rcu("sources list").stdout

    assert "pos" in listed
    assert "Tills" in listed


def test_a_key_is_shown_once_and_alone_on_standard_output() -> None:
    add_source()

    made = rcu("keys create --source pos --scope ingest --scope clients:read")

    presented = read_key(made.stdout.strip())
    assert made.exit_code == ExitCode.OK
    assert presented is not None
    listed = rcu("keys list").stdout
    assert presented.public_id in listed
    assert "source pos" in listed
    assert "clients:read ingest" in listed
    assert made.stdout.strip() not in listed


def test_a_revoked_key_is_listed_as_such() -> None:
    made = rcu("keys create --reader bi --scope clients:read")
    public_id = made.stdout.split("_")[1]

    assert "UTC │  " in rcu("keys list").stdout
    assert rcu(f"keys revoke {public_id}").exit_code == ExitCode.OK

    assert rcu("keys list").stdout.count("UTC") == 2


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("keys create --source nowhere --scope ingest", "no source nowhere"),
        ("keys create --reader bi --scope ingest", "Only a source"),
        ("keys create --scope ingest", "exactly one"),
        ("keys create --reader bi", "one scope at least"),
        ("keys revoke 00000000", "no API key 00000000"),
        ("sources add POS --name Tills --kind pos", "starts with a letter"),
    ],
)
def test_a_refusal_is_one_line_and_exit_code_1(command: str, said: str) -> None:
    refused = rcu(command)

    assert refused.exit_code == ExitCode.PROBLEM
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""

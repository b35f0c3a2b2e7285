"""`rcu doctor` and what every command shares: help, one-line errors, exit codes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import URL
from typer.testing import CliRunner

from rcu.cli.diagnosis import Finding, Verdict, check_port, examine
from rcu.cli.main import app
from rcu.cli.running import ExitCode
from rcu.db.embedded import EmbeddedServer
from rcu.settings import Settings


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Give a runner of commands on a data folder of the test's own, in English, unstyled."""
    for name in [name for name in os.environ if name.startswith("RCU_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return CliRunner(env={"RCU_DATA_DIR": str(tmp_path / "var"), "COLUMNS": "200", "TERM": "dumb"})


def settings_for(url: URL) -> Settings:
    """Return settings that name a database by its address."""
    text = url.render_as_string(hide_password=False)
    return Settings(_env_file=None, database_url=SecretStr(text), port=free_port())


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def about(findings: list[Finding], subject: str) -> Finding:
    """Return the finding about a subject."""
    return next(finding for finding in findings if finding.subject == subject)


async def test_a_migrated_database_passes_every_check_but_durability(database_url: URL) -> None:
    findings = await examine(settings_for(database_url))

    failed = {finding.subject for finding in findings if finding.verdict is Verdict.FAILURE}
    assert failed == {"Durability"}  # The suite's own server trades it for speed.
    assert "fsync=off" in about(findings, "Durability").found
    assert about(findings, "Tables").verdict is Verdict.OK


async def test_what_is_missing_is_said_with_its_remedy(database_url: URL) -> None:
    findings = await examine(settings_for(database_url))

    assert about(findings, "API keys").verdict is Verdict.WARNING
    assert "rcu keys create" in about(findings, "API keys").remedy


async def test_a_database_that_is_away_is_a_failure(tmp_path: Path) -> None:
    nowhere = URL.create("postgresql", host=str(tmp_path), username="u", password="p", database="d")

    findings = await examine(settings_for(nowhere))

    assert about(findings, "Database").verdict is Verdict.FAILURE


async def test_an_empty_database_is_told_to_migrate(settings: Settings) -> None:
    findings = await examine(settings)

    assert about(findings, "Tables").verdict is Verdict.FAILURE
    assert about(findings, "Tables").remedy == "Run `rcu migrate`."
    assert about(findings, "Durability").verdict is Verdict.OK


def test_a_port_in_use_is_said_to_be_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        assert check_port("127.0.0.1", port).verdict is Verdict.WARNING
    assert check_port("127.0.0.1", free_port()).verdict is Verdict.OK


def test_migrating_then_examining_ends_well(runner: CliRunner, tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "var"):
        before = runner.invoke(app, ["doctor"])
        migrated = runner.invoke(app, ["migrate"])
        again = runner.invoke(app, ["migrate"])
        after = runner.invoke(app, ["doctor"])

    assert (before.exit_code, after.exit_code) == (ExitCode.PROBLEM, ExitCode.OK)
    assert "FAIL Tables: Run `rcu migrate`." in before.stdout
    assert (migrated.exit_code, again.exit_code) == (ExitCode.OK, ExitCode.OK)
    assert "up to date" in again.stdout


def test_a_database_that_is_away_ends_a_command_with_one_line(runner: CliRunner) -> None:
    result = runner.invoke(
        app, ["migrate"], env={"RCU_DATABASE_URL": "postgresql://u:hush@127.0.0.1:1/d"}
    )

    assert result.exit_code == ExitCode.DATABASE_UNAVAILABLE
    assert result.stderr.startswith("Error: The database is not reachable")
    assert result.stderr.count("\n") == 1
    assert "hush" not in result.output


def test_a_wrong_setting_is_named_without_its_value(runner: CliRunner) -> None:
    result = runner.invoke(app, ["migrate"], env={"RCU_PORT": "hush"})

    assert result.exit_code == ExitCode.USAGE
    assert "RCU_PORT" in result.stderr
    assert "hush" not in result.output


def test_every_command_has_a_help_that_says_what_it_does(runner: CliRunner) -> None:
    listing = runner.invoke(app, ["--help"]).stdout
    for command in ("serve", "migrate", "doctor"):
        assert command in listing
        result = runner.invoke(app, [command, "--help"])
        assert result.exit_code == ExitCode.OK
        assert len(result.stdout) > 200

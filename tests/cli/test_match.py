"""`rcu match` on invented people."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner, Result

from rcu.access.models import SourceKind
from rcu.access.service import add_source
from rcu.cli.main import app
from rcu.cli.running import ExitCode
from rcu.db.engine import Database
from rcu.ingestion.messages import ProfileMessage
from rcu.ingestion.service import receive_all
from tests.cli.conftest import Rcu

ANA = {
    "given_name": "Anabelle",
    "family_name": "Tourvaine",
    "emails": [{"value": "ana.tourvaine@laposte.net"}],
}
Match = Callable[..., Result]


@pytest.fixture
def match(rcu: Rcu) -> Match:
    """Give `rcu match`, with a profile on its standard input."""
    del rcu  # it has told the commands which database is meant
    return lambda said, *words: CliRunner().invoke(app, ["match", *words], input=json.dumps(said))


@pytest.fixture
async def client_id(database: Database) -> str:
    """Send a record of Anabelle; return her client."""

    async def work(session: AsyncSession) -> None:
        await add_source(session, code="pos", name="Tills", kind=SourceKind.POS)

    await database.run(work)
    head = {"message_id": "m1", "external_id": "A", "occurred_at": "2025-03-01T12:00:00Z"}
    messages = [ProfileMessage.model_validate(head | ANA)]
    [receipt] = await receive_all(database, source="pos", messages=messages)
    assert receipt.answer is not None
    return str(receipt.answer["client_id"])


def test_the_client_is_told_by_its_id_with_what_agrees(match: Match, client_id: str) -> None:
    result = match(ANA, "--explain")

    assert result.exit_code == ExitCode.OK, result.output
    assert f"Would join client {client_id}" in result.output
    assert "e-mail exact" in result.output
    assert "match weight" in result.output
    assert "nabelle" not in result.output.lower()


def test_all_is_told_as_json(match: Match, client_id: str) -> None:
    answer = json.loads(match(ANA, "--json").output)

    assert answer["client_id"] == client_id
    assert answer["matches"][0]["client"]["given_name"] == "Anabelle"


def test_nobody_is_told_in_french(match: Match) -> None:
    result = match(ANA, "-l", "fr")

    assert result.output.strip() == "Serait un nouveau client"


@pytest.mark.parametrize("said", [{"mail": "ana@laposte.net"}, ["ana@laposte.net"], {"limit": 0}])
def test_what_is_no_profile_is_refused_without_repeating_it(match: Match, said: object) -> None:
    result = match(said)

    assert result.exit_code == ExitCode.PROBLEM
    assert "is no profile" in result.stderr
    assert "ana@" not in result.stderr

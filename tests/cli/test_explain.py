"""`rcu why`, `rcu why-not`, `rcu how` on invented people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.models import SourceKind
from rcu.access.service import add_source
from rcu.cli.running import ExitCode
from rcu.db.engine import Database
from rcu.ingestion.messages import ProfileMessage
from rcu.ingestion.service import receive_all
from tests.cli.conftest import Rcu

ANA = {
    "given_name": "Anabelle",
    "family_name": "Tourvaine",
    "birth_date": "1984-05-17",
    "emails": [{"value": "ana.tourvaine@laposte.net"}],
}
SPOUSE = ANA | {"given_name": "Hugo", "birth_date": "1981-02-03"}


@pytest.fixture
async def client_id(database: Database) -> str:
    """Send three records: two of Anabelle, one of her husband; return her client."""

    async def work(session: AsyncSession) -> None:
        await add_source(session, code="pos", name="Tills", kind=SourceKind.POS)

    await database.run(work)
    receipts = await receive_all(
        database,
        source="pos",
        messages=[
            ProfileMessage.model_validate(
                {
                    "message_id": f"m-{external_id}",
                    "external_id": external_id,
                    "occurred_at": "2025-03-01T12:00:00Z",
                }
                | said
            )
            for external_id, said in (("A", ANA), ("B", ANA), ("H", SPOUSE))
        ],
    )
    answer = receipts[0].answer
    assert answer is not None
    return str(answer["client_id"])


@pytest.mark.usefixtures("client_id")
def test_why_prints_the_waterfall_and_the_sum(rcu: Rcu) -> None:
    result = rcu("why", "pos:A", "pos:B")

    assert result.exit_code == ExitCode.OK, result.output
    assert "They are one client." in result.stdout
    assert "pos:A  -  pos:B" in result.stdout
    assert "e-mail (exact)" in result.stdout
    assert "+27.16" in result.stdout
    assert "-18.00" in result.stdout
    assert "+4.25" in result.stdout
    assert "█" in result.stdout
    assert "Tied by" in result.stdout


@pytest.mark.usefixtures("client_id")
def test_values_are_printed_only_when_asked_for(rcu: Rcu) -> None:
    plain = rcu("why", "pos:A", "pos:B").output + rcu("why", "pos:A", "pos:B", "--json").output
    shown = rcu("why", "pos:A", "pos:B", "--values").output

    assert "tourvaine" not in plain
    assert "ana.tourvaine@laposte.net" in shown


@pytest.mark.usefixtures("client_id")
def test_why_as_json_adds_up(rcu: Rcu) -> None:
    result = rcu("why", "pos:A", "pos:B", "--json")

    match = json.loads(result.stdout)["strongest"]["match"]
    counted = sum(step["counted"] for step in match["steps"])
    assert match["prior"] + counted == pytest.approx(match["weight"])
    assert match["steps"][-1]["after"] == match["weight"]


@pytest.mark.usefixtures("client_id")
def test_why_not_says_in_french_what_forbids_it_and_what_would_have_tipped_it(rcu: Rcu) -> None:
    result = rcu("why-not", "pos:A", "pos:H", "--language", "fr")

    assert result.exit_code == ExitCode.OK, result.output
    assert "Ce sont deux clients." in result.stdout
    assert "les prénoms sont manifestement ceux de deux personnes" in result.stdout
    assert "Ceci aurait suffi" in result.stdout
    assert "Resterait refusé" in result.stdout


def test_how_prints_the_joins_and_the_arrivals(rcu: Rcu, client_id: str) -> None:
    result = rcu("how", client_id)

    assert result.exit_code == ExitCode.OK, result.output
    assert client_id in result.stdout
    assert "1. pos:A (1) + pos:B (1): +" in result.stdout
    assert "placed by match weights. pos:A: +" in result.stdout
    assert result.stdout.count("A record came, placed by match weights.") == 2
    assert json.loads(rcu("how", client_id, "--json").stdout)["client_id"] == client_id


@pytest.mark.usefixtures("client_id")
@pytest.mark.parametrize(
    ("name", "start"), [("w.json", b"{"), ("w.svg", b"<svg"), ("w.png", b"\x89PNG")]
)
def test_a_chart_is_written_in_the_format_of_its_name(
    rcu: Rcu, tmp_path: Path, name: str, start: bytes
) -> None:
    result = rcu("why", "pos:A", "pos:B", "--chart", tmp_path / name)

    assert result.exit_code == ExitCode.OK, result.output
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.usefixtures("client_id")
@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (("why", "A", "pos:B"), ExitCode.USAGE, "SOURCE:ID"),
        (("why", "pos:A", "pos:B", "--chart", "w.gif"), ExitCode.USAGE, ".json, .svg or .png"),
        (("why", "pos:A", "pos:Z"), ExitCode.PROBLEM, "no record of that source and id"),
        (("why-not", "pos:A", "pos:B"), ExitCode.PROBLEM, "ask why they are together"),
        (("why", "pos:A", "pos:A"), ExitCode.PROBLEM, "nothing to compare"),
    ],
)
def test_a_refusal_is_one_line_and_an_exit_code(
    rcu: Rcu, words: tuple[str, ...], exit_code: ExitCode, says: str
) -> None:
    result = rcu(*words)

    assert result.exit_code == exit_code
    assert says in result.stderr
    assert result.stdout == ""

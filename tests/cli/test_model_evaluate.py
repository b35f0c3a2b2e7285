"""`rcu model evaluate`: what stewards judged, as precision and recall."""

from __future__ import annotations

import json

import pytest

from rcu.cli.running import ExitCode
from rcu.db.engine import Database
from tests.cli.conftest import Rcu
from tests.ingestion.shop import open_shop


@pytest.fixture
async def judgements(database: Database) -> int:
    """Have the links of three people judged, and two of the pairs in doubt; say how many."""
    async with open_shop(database) as shop:
        for number, family in enumerate(("Vandeputte", "Delobelle", "Houzelot")):
            said = {"given_name": "Marie", "family_name": family}
            email = [f"marie.{family.lower()}@mail.example"]
            await shop.profile("pos", f"P{number}", **said, emails=email)
            await shop.profile("eshop", f"E{number}", **said, emails=email)
            await shop.profile("app", f"A{number}", **said)
        page = (await shop.call("GET", "reviews/sample")).json()
        links = [(review, "match") for review in page["reviews"]]
        [first, second, _] = (await shop.call("GET", "reviews")).json()["groups"]
        asked = [(first["reviews"][0], "match"), (second["reviews"][0], "no_match")]
        for review, verdict in [*links, *asked]:
            path = f"reviews/{review['id']}"
            version = (await shop.call("GET", path)).json()["version"]
            body = {"verdict": verdict, "reason": "asked", "expected_version": version}
            assert (await shop.call("POST", f"{path}/judgement", body)).status_code == 200
    return len(links) + len(asked)


def test_judgements_of_queue_and_sample_become_estimates(rcu: Rcu, judgements: int) -> None:
    result = rcu("model", "evaluate", "--json")
    figures = json.loads(result.stdout)
    table = rcu("model", "evaluate")

    assert result.exit_code == table.exit_code == ExitCode.OK
    assert sum(stratum["judged"] for stratum in figures["strata"]) == judgements
    strata = {(s["together"], s["judged"], s["matches"], s["pairs"]) for s in figures["strata"]}
    # Six pairs of Marie without her e-mail were apart; one was judged a match, which puts the
    # other record of that client beside her without a judgement of their own.
    assert strata == {(True, 3, 3, 3), (True, 0, 0, 1), (False, 2, 1, 5)}
    assert figures["precision"]["low"] < figures["precision"]["value"] <= 1
    assert 0 < figures["recall"]["low"] < figures["recall"]["value"] < 1
    assert "Precision of the links" in table.stdout
    assert "upper bound" in table.stdout


def test_without_pairs_there_is_nothing_to_say(rcu: Rcu) -> None:
    result = rcu("model", "evaluate")

    assert result.exit_code == ExitCode.OK
    assert "no pairs" in result.stdout

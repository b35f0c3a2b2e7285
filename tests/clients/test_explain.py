"""Why, why not and how, asked of the service about invented people."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from math import log2
from typing import Any

import pytest

from rcu.clients import explain_endpoints
from rcu.clients.explain_endpoints import router
from rcu.db.engine import Database
from rcu.identity.model import Model
from rcu.logs import configure_logs
from tests.ingestion.shop import Shop, open_shop, sale

MODEL = Model.shipped()

ANA = {
    "given_name": "Anabelle",
    "family_name": "Tourvaine",
    "birth_date": "1984-05-17",
    "emails": ["ana.tourvaine@laposte.net"],
}
CLAIRE = {
    "given_name": "Claire",
    "family_name": "Vasseur",
    "birth_date": "1980-01-12",
    "emails": ["vasseur@free.fr"],
}
BRUNO = CLAIRE | {"given_name": "Bruno"}


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """Give a retailer at work."""
    async with open_shop(database) as opened:
        yield opened


def record(source: str, external_id: str) -> dict[str, str]:
    return {"source": source, "external_id": external_id}


async def ask(shop: Shop, question: str, **body: Any) -> Any:
    return await shop.staff("POST", f"explanations/{question}", body)


async def refuse(shop: Shop, question: str, **body: Any) -> dict[str, Any]:
    """Return the problem document that a question is answered with."""
    response = await shop.call("POST", f"explanations/{question}", body)
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    return problem


def assert_adds_up(match: dict[str, Any]) -> None:
    """Check a waterfall by hand: prior, then each step, and the weight at its end."""
    running = match["prior"]
    assert running == MODEL.prior_bits
    for step in match["steps"]:
        assert step["before"] == pytest.approx(running)
        running += step["counted"]
        assert step["after"] == pytest.approx(running)
    assert match["weight"] == pytest.approx(running)
    assert match["weight"] == pytest.approx(
        match["prior"] + sum(step["counted"] for step in match["steps"])
    )
    assert match["probability"] == pytest.approx(1 / (1 + 2 ** -match["weight"]))


async def stored_weight(shop: Shop) -> float:
    [row] = await shop.rows("SELECT weight FROM record_pair")
    return float(row[0])


# --- why -----------------------------------------------------------------------------------------


async def test_why_two_records_are_one_client_adds_up_to_the_stored_weight(shop: Shop) -> None:
    await shop.profile("pos", "A", **ANA)
    await shop.profile("eshop", "B", **ANA | {"given_name": "Anabele"})

    why = await ask(shop, "why", left=record("pos", "A"), right=record("eshop", "B"))

    match = why["strongest"]["match"]
    assert_adds_up(match)
    assert match["weight"] == pytest.approx(await stored_weight(shop), abs=1e-12)
    by_attribute = {step["attribute"]: step for step in match["steps"]}
    assert by_attribute["email"]["counted"] == pytest.approx(log2(0.6 / 4e-9))
    assert by_attribute["birth_date"]["counted"] == pytest.approx(log2(0.92 / 5e-5))
    family = by_attribute["family_name"]
    assert family["counted"] == pytest.approx(family["weight"] / 2)
    assert (by_attribute["given_name"]["left"], by_attribute["given_name"]["right"]) == (
        ["anabelle"],
        ["anabele"],
    )
    assert (match["link_weight"], match["review_weight"]) == (4.25, 0.0)
    assert why["together"] is True
    assert why["is_up_to_date"] is True
    assert why["are_candidates"] is True
    assert why["left_client_id"] == why["right_client_id"]
    [join] = why["path"]
    assert (join["by"], join["left_size"], join["right_size"]) == ("link", 1, 1)
    assert why["refused"] == why["judgements"] == []
    assert why["sentence"]["en"].startswith("They are one client. The two records link.")
    assert why["sentence"]["fr"].startswith("C'est un seul client. Les deux fiches")
    assert why["chart"] is None


async def test_the_sides_of_why_may_be_turned(shop: Shop) -> None:
    await shop.profile("pos", "A", **ANA)
    await shop.profile("eshop", "B", **ANA)

    one = await ask(shop, "why", left=record("pos", "A"), right=record("eshop", "B"))
    two = await ask(shop, "why", left=record("eshop", "B"), right=record("pos", "A"))

    assert one["strongest"]["left"] == two["strongest"]["right"]
    assert one["strongest"]["match"]["weight"] == two["strongest"]["match"]["weight"]


async def test_why_two_clients_shows_their_strongest_pair_of_records(shop: Shop) -> None:
    ana = await shop.profile("pos", "A", **ANA)
    await shop.profile("eshop", "A2", **ANA)
    other = await shop.profile("pos", "C", given_name="Zoé", family_name="Tourvaine")

    why = await ask(
        shop,
        "why",
        left={"client_id": ana["client_id"]},
        right={"client_id": other["client_id"]},
    )

    assert why["together"] is False
    assert why["pair_count"] == len(why["pairs"]) == 2
    weights = [pair["weight"] for pair in why["pairs"]]
    assert weights == sorted(weights, reverse=True)
    assert why["strongest"]["match"]["weight"] == weights[0]
    assert why["path"] == []


async def test_why_a_record_is_with_its_client_leaves_the_record_itself_out(shop: Shop) -> None:
    ana = await shop.profile("pos", "A", **ANA)
    await shop.profile("eshop", "B", **ANA)
    await shop.profile("app", "C", **ANA)

    why = await ask(shop, "why", left=record("eshop", "B"), right={"client_id": ana["client_id"]})

    assert why["together"] is True
    assert why["pair_count"] == 2
    assert {pair["right"]["external_id"] for pair in why["pairs"]} == {"A", "C"}


async def test_records_tied_through_a_third_show_the_path(shop: Shop) -> None:
    await shop.profile("pos", "A", family_name="Tourvaine", given_name="Ana", phones=["0611223345"])
    await shop.profile(
        "app",
        "B",
        family_name="Tourvaine",
        given_name="Ana",
        phones=["0611223345"],
        emails=["ana.tourvaine@laposte.net"],
    )
    await shop.profile("eshop", "C", given_name="Ana", emails=["ana.tourvaine@laposte.net"])

    why = await ask(shop, "why", left=record("pos", "A"), right=record("eshop", "C"))

    assert why["together"] is True
    assert why["strongest"]["match"]["decision"] != "link"
    ends = [(join["left"]["external_id"], join["right"]["external_id"]) for join in why["path"]]
    assert len(ends) == 2
    assert set(ends[0]) & set(ends[1]) == {"B"}


async def test_a_guard_is_named_when_spouses_share_everything(shop: Shop) -> None:
    await shop.profile("pos", "claire", **CLAIRE)
    await shop.profile("pos", "bruno", **BRUNO)

    why = await ask(shop, "why", left=record("pos", "claire"), right=record("pos", "bruno"))

    match = why["strongest"]["match"]
    assert match["weight"] > match["link_weight"]
    assert match["decision"] != "link"
    assert match["guard"]["code"] == "given_name"
    assert match["guard"]["sentence"]["fr"] in why["sentence"]["fr"]
    assert match["weight"] == pytest.approx(await stored_weight(shop), abs=1e-12)


async def test_a_link_that_the_partition_refused_says_who_contradicts(shop: Shop) -> None:
    """An e-mail alone could be either spouse's: both claim it, so nobody has it."""
    await shop.profile("pos", "claire", **CLAIRE)
    await shop.profile("pos", "bruno", **BRUNO)
    await shop.profile("app", "nobody", family_name="Vasseur", emails=["vasseur@free.fr"])

    why = await ask(shop, "why", left=record("pos", "claire"), right=record("app", "nobody"))

    assert why["together"] is False
    assert why["strongest"]["match"]["decision"] == "link"
    [refused] = why["refused"]
    assert refused["hindrance"]["reason"] == "rival"
    assert {one["external_id"] for one in refused["hindrance"]["between"]} == {"claire", "bruno"}
    assert refused["hindrance"]["sentence"]["en"] in why["sentence"]["en"]


async def test_a_judgement_that_binds_is_shown_with_its_author_and_reason(shop: Shop) -> None:
    ana = await shop.profile("pos", "A", **ANA)
    await shop.profile("eshop", "B", **ANA)
    assert (await shop.split(ana["client_id"], [("eshop", "B")])).status_code == 200

    why = await ask(shop, "why", left=record("pos", "A"), right=record("eshop", "B"))

    assert why["together"] is False
    [judged] = why["judgements"]
    assert (judged["verdict"], judged["reason"]) == ("no_match", "two people")
    assert judged["author"].startswith("key:")
    [refused] = why["refused"]
    assert refused["hindrance"]["reason"] == "judgement"


async def test_a_value_that_too_many_hold_is_named_as_shared(shop: Shop) -> None:
    tablet = ["tablette-quai@lesdunes.fr"]
    people = (
        ("Ana", "Fontenoy"),
        ("Bruno", "Quesnel"),
        ("Chloé", "Dartois"),
        ("Denis", "Oursel"),
        ("Elsa", "Maupin"),
    )
    for number, (given, family) in enumerate(people):
        await shop.profile("pos", f"P{number}", given_name=given, family_name=family, emails=tablet)
    await shop.profile("app", "Q", given_name="Ana", family_name="Fontenoy", emails=tablet)

    why = await ask(shop, "why", left=record("pos", "P0"), right=record("app", "Q"))

    match = why["strongest"]["match"]
    [shared] = match["shared"]
    assert (shared["kind"], shared["value"]) == ("email", tablet[0])
    assert shared["is_declared"] is False
    [step] = [step for step in match["steps"] if step["attribute"] == "email"]
    assert (step["level"], step["counted"]) == ("shared", 0.0)
    assert_adds_up(match)


# --- why not -------------------------------------------------------------------------------------


async def test_why_not_tells_the_fewest_changes_that_would_have_linked(shop: Shop) -> None:
    named = {"given_name": "Anabelle", "family_name": "Tourvaine"}
    await shop.profile("pos", "A", **named, emails=["ana@free.fr"])
    await shop.profile("eshop", "B", **named, emails=["tourvaine.a@laposte.net"])

    answer = await ask(shop, "why-not", left=record("pos", "A"), right=record("eshop", "B"))

    match = answer["why"]["strongest"]["match"]
    assert_adds_up(match)
    assert answer["tips"]
    for tip in answer["tips"]:
        assert len(tip["changes"]) == 1
        [change] = tip["changes"]
        level = MODEL.document.attributes[change["attribute"]].levels[change["to_level"]]
        assert tip["decision"] == "link"
        assert tip["weight"] >= match["link_weight"]
        assert tip["weight"] == pytest.approx(match["weight"] + tip["gain"])
        if change["attribute"] == "birth_date":
            assert tip["gain"] == pytest.approx(log2(level.m / level.u))
    assert "birth_date" in {tip["changes"][0]["attribute"] for tip in answer["tips"]}
    assert answer["hindrance"] is None


async def test_why_not_says_when_a_contradiction_would_still_refuse(shop: Shop) -> None:
    await shop.profile("pos", "claire", **CLAIRE)
    await shop.profile("pos", "bruno", **BRUNO)

    answer = await ask(shop, "why-not", left=record("pos", "claire"), right=record("pos", "bruno"))

    hindrance = answer["hindrance"]
    assert (hindrance["reason"], hindrance["detail"]) == ("contradiction", "given_name")
    assert {one["external_id"] for one in hindrance["between"]} == {"claire", "bruno"}
    assert {c["attribute"] for tip in answer["tips"] for c in tip["changes"]} == {"given_name"}


async def test_why_not_says_that_a_judgement_outweighs_all_evidence(shop: Shop) -> None:
    ana = await shop.profile("pos", "A", **ANA)
    await shop.profile("eshop", "B", **ANA)
    await shop.split(ana["client_id"], [("eshop", "B")])

    answer = await ask(shop, "why-not", left=record("pos", "A"), right=record("eshop", "B"))

    assert answer["tips"] == []
    assert answer["hindrance"]["reason"] == "judgement"


async def test_records_that_share_no_key_are_said_not_to_find_each_other(shop: Shop) -> None:
    await shop.profile("pos", "A", given_name="Anabelle", family_name="Tourvaine")
    await shop.profile("eshop", "B", given_name="Hugo", family_name="Quesnel")

    answer = await ask(shop, "why-not", left=record("pos", "A"), right=record("eshop", "B"))

    assert answer["why"]["are_candidates"] is False


# --- how -----------------------------------------------------------------------------------------


async def test_how_tells_the_joins_by_evidence_and_the_arrivals_in_time(shop: Shop) -> None:
    first = await shop.profile(
        "pos", "A", given_name="Anabelle", family_name="Tourvaine", phones=["0788997766"]
    )
    weak = ANA | {"emails": [], "phones": ["0611223345"]}
    await shop.profile("eshop", "B", **weak)
    await shop.profile("app", "C", **ANA | {"phones": ["0611223345"]})
    await shop.merge(first["client_id"], await shop.client_of("eshop", "B"))
    await shop.ticket(sale(customer={"email": "ana.tourvaine@laposte.net"}))

    how = await ask(shop, "how", client={"client_id": first["client_id"]})

    assert how["client_id"] == first["client_id"]
    assert how["is_up_to_date"] is True
    assert len(how["by_evidence"]) == 2
    assert how["by_evidence"][0]["by"] == "judgement"
    sizes = [(join["left_size"], join["right_size"]) for join in how["by_evidence"]]
    assert sum(max(size) for size in sizes) == 3
    for join in how["by_evidence"]:
        assert_adds_up(join["match"])
    came = [one for one in how["by_time"] if one["kind"] == "record"]
    assert [one["record"]["external_id"] for one in came[:3]] == ["A", "B", "C"]
    assert [one["placement"] for one in came] == ["matching", "matching", "matching", "email"]
    assert came[0]["match"] is None
    assert came[2]["match"]["left"]["external_id"] == "B"
    assert_adds_up(came[2]["match"]["match"])
    [merged] = [one for one in how["by_time"] if one["kind"] == "merge"]
    assert (merged["cause"], merged["reason"]) == ("judgement", "same person")
    assert [one["at"] for one in how["by_time"]] == sorted(one["at"] for one in how["by_time"])
    assert {one["verdict"] for one in how["judgements"]} == {"match"}


async def test_how_may_be_asked_of_a_record_or_of_a_former_id(shop: Shop) -> None:
    first = await shop.profile("pos", "A", given_name="Anabelle", family_name="Tourvaine")
    other = await shop.profile("eshop", "B", given_name="Zoé", family_name="Quesnel")
    await shop.merge(first["client_id"], other["client_id"])

    by_record = await ask(shop, "how", client=record("eshop", "B"))
    by_former = await ask(shop, "how", client={"client_id": other["client_id"]})

    assert by_record == by_former
    assert by_record["client_id"] == first["client_id"]


async def test_how_tells_of_purchases_that_followed_a_merged_client(shop: Shop) -> None:
    first = await shop.profile(
        "pos", "A", given_name="Anabelle", family_name="Tourvaine", emails=["ana@free.fr"]
    )
    other = await shop.profile("eshop", "B", **ANA)
    await shop.ticket(sale(customer={"email": "ana.tourvaine@laposte.net"}))
    await shop.merge(first["client_id"], other["client_id"])

    how = await ask(shop, "how", client={"client_id": first["client_id"]})

    kinds = {one["kind"] for one in how["by_time"]}
    assert {"record", "merge", "follow"} <= kinds
    assert all(one["sentence"]["fr"] for one in how["by_time"])


async def test_how_an_anonymous_client_came_to_be_tells_its_placements(shop: Shop) -> None:
    await shop.ticket(sale(token="tok-4711"))
    [row] = await shop.rows("SELECT id FROM client WHERE NOT known")

    how = await ask(shop, "how", client={"client_id": str(row[0])})

    assert how["by_evidence"] == []
    assert [one["placement"] for one in how["by_time"]] == ["none"]


# --- refusals ------------------------------------------------------------------------------------

NOBODY = "00000000-0000-7000-8000-000000000000"


async def test_every_refusal_is_a_problem_document_with_its_own_type(shop: Shop) -> None:
    ana = await shop.profile("pos", "A", **ANA)
    await shop.profile("eshop", "B", **ANA)
    await shop.ticket(sale(customer={"external_id": "unheard-of"}))
    await shop.ticket(sale(token="tok-4711"))
    [anonymous] = await shop.rows("SELECT client_id FROM source_record WHERE kind = 'identifiers'")
    a, client = record("pos", "A"), {"client_id": ana["client_id"]}

    refusals = {
        "client_not_found": await refuse(shop, "why", left=a, right={"client_id": NOBODY}),
        "record_not_found": await refuse(shop, "why", left=a, right=record("pos", "no-one")),
        "same_client": await refuse(shop, "why", left=client, right=client),
        "anonymous_client": await refuse(
            shop, "why", left=a, right={"client_id": str(anonymous[0])}
        ),
        "nothing_to_compare": await refuse(shop, "why", left=a, right=a),
        "not_placed_by_matching": await refuse(
            shop, "why", left=a, right=record("pos", "unheard-of")
        ),
        "together_already": await refuse(shop, "why-not", left=a, right=record("eshop", "B")),
        "validation_failed": await refuse(shop, "why", left=a, right={"source": "pos"}),
    }

    for code, problem in refusals.items():
        assert problem["type"] == "/problems/" + code.replace("_", "-")
        assert "no-one" not in str(problem)
    assert refusals["not_placed_by_matching"]["placement"] == "own_record"
    assert {p["status"] for p in refusals.values()} == {404, 409, 422}


async def test_a_client_of_one_profile_has_nothing_to_compare_its_record_with(shop: Shop) -> None:
    ana = await shop.profile("pos", "A", **ANA)

    problem = await refuse(
        shop, "why", left=record("pos", "A"), right={"client_id": ana["client_id"]}
    )

    assert problem["type"] == "/problems/nothing-to-compare"


@pytest.mark.parametrize(
    "side",
    [
        {},
        {"source": "pos"},
        {"external_id": "A"},
        {"source": "pos", "external_id": "A", "client_id": NOBODY},
        {"source": "pos", "client_id": NOBODY},
        {"client_id": "not-an-id"},
    ],
)
async def test_a_side_is_either_a_record_or_a_client(shop: Shop, side: dict[str, str]) -> None:
    problem = await refuse(shop, "how", client=side)

    assert problem["status"] == 422


async def test_more_records_than_one_request_may_compare_are_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain_endpoints, "MOST_RECORDS", 1)
    await shop.profile("pos", "A", **ANA)
    await shop.profile("eshop", "B", **ANA)

    problem = await refuse(shop, "why", left=record("pos", "A"), right=record("eshop", "B"))

    assert problem["type"] == "/problems/too-many-records"


# --- privacy -------------------------------------------------------------------------------------


async def test_a_reader_who_is_no_steward_is_refused(shop: Shop) -> None:
    response = await shop.call(
        "POST", "explanations/how", {"client": record("pos", "A")}, who="pos"
    )

    assert response.status_code == 403
    assert response.json()["missing_scope"] == "clients:steward"


def test_explanations_are_asked_for_in_bodies_only() -> None:
    for route in router.routes:
        assert getattr(route, "methods", None) == {"POST"}
        assert "{" not in getattr(route, "path", "")


async def test_logs_and_charts_hold_no_value(shop: Shop) -> None:
    await shop.profile("pos", "A", **ANA)
    await shop.profile("eshop", "B", **ANA)
    lines = io.StringIO()
    configure_logs(level="debug", stream=lines)

    why = await ask(shop, "why", left=record("pos", "A"), right=record("eshop", "B"), chart="fr")

    told = lines.getvalue().lower() + str(why["chart"]).lower() + str(why["sentence"]).lower()
    assert "http.request" in told
    assert "tourvaine" in str(why["strongest"])
    assert not [word for word in ("tourvaine", "anabel", "1984", "laposte") if word in told]


async def test_explaining_changes_nothing(shop: Shop) -> None:
    await shop.profile("pos", "A", **ANA)
    await shop.profile("eshop", "B", **ANA)
    count = "SELECT count(*), max(version), max(changed_at) FROM client"
    before = await shop.rows(count)

    await ask(shop, "why", left=record("pos", "A"), right=record("eshop", "B"))
    await ask(shop, "how", client=record("pos", "A"))

    assert await shop.rows(count) == before

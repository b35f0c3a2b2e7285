"""The review queue: what is asked, in which order, and what becomes of the answers."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from rcu.clients import reviews
from tests.ingestion.shop import Shop, profile, sale

EMAIL = "marie.v@mail.example"


async def doubtful(
    shop: Shop, family: str, *, given: str = "Marie", **said: Any
) -> tuple[str, str]:
    """Send two records of one name, which may be one person; return their clients."""
    names = {"given_name": given, "family_name": family}
    one = await shop.profile("pos", f"P-{family}", **names, **said)
    two = await shop.profile("eshop", f"E-{family}", **names)
    assert one["client_id"] != two["client_id"]
    return one["client_id"], two["client_id"]


async def queue(shop: Shop, **query: Any) -> list[Any]:
    response = await shop.call("GET", "reviews", params=query)
    assert response.status_code == 200, response.text
    groups: list[Any] = response.json()["groups"]
    return groups


async def only_review(shop: Shop) -> Any:
    [group] = await queue(shop)
    [review] = group["reviews"]
    return review


async def judge(shop: Shop, review: Any, verdict: str, **said: Any) -> httpx.Response:
    body = {"verdict": verdict, "reason": "asked them", "expected_version": review["version"]}
    return await shop.call("POST", f"reviews/{review['id']}/judgement", body | said)


async def judged(shop: Shop, review: Any, verdict: str, **said: Any) -> Any:
    response = await judge(shop, review, verdict, **said)
    assert response.status_code == 200, response.text
    return response.json()


async def families(shop: Shop, **query: Any) -> list[str]:
    """Return the family names of the groups, in the order of the queue."""
    return [group["clients"][0]["family_name"] for group in await queue(shop, **query)]


async def test_a_pair_in_doubt_is_asked_with_its_evidence_and_without_values(shop: Shop) -> None:
    one, two = await doubtful(shop, "Vandeputte")

    [group] = await queue(shop)

    [review] = group["reviews"]
    assert {client["client_id"] for client in group["clients"]} == {one, two}
    assert (review["left"]["client_id"], review["right"]["client_id"]) == (one, two)
    assert (review["state"], review["decision"], review["guard"]) == ("new", "review", None)
    assert 0.5 < review["probability"] < 0.95
    assert {item["attribute"] for item in review["evidence"]} == {"given_name", "family_name"}
    assert "Vandeputte" not in str(review["evidence"])


async def test_the_queue_begins_where_most_hangs_on_most_doubt(shop: Shop) -> None:
    await doubtful(shop, "Vandeputte", given="Sophie")  # a rarer name: less in doubt
    await doubtful(shop, "Delobelle")
    await doubtful(shop, "Quaegebeur", cards=["ABC-1234"])
    await shop.ticket(sale(customer={"card": "ABC-1234"}))

    assert await families(shop) == ["Quaegebeur", "Delobelle", "Vandeputte"]

    [first, second, _] = await queue(shop)
    # One ticket of 10.00 EUR: twice log2(1 + 1) and once log2(1 + 10) beside the 1 of nothing.
    assert first["usefulness"] / second["usefulness"] == pytest.approx(1 + 1 + 3.459432, rel=1e-5)
    assert (first["tickets"], first["amount_cents"]) == (1, 1000)


async def test_every_group_is_told_once_however_small_the_pages(shop: Shop) -> None:
    names = {"Vandeputte", "Delobelle", "Quaegebeur", "Houzelot", "Wambergue"}
    for family in sorted(names):
        await doubtful(shop, family)

    told, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await shop.call("GET", "reviews", params=params)).json()
        told += [group["clients"][0]["family_name"] for group in page["groups"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(told) == sorted(names)


async def test_pairs_between_the_same_two_clients_are_one_group(shop: Shop) -> None:
    one, two = await doubtful(shop, "Vandeputte", emails=[EMAIL])
    third = await shop.profile(
        "app", "A1", given_name="Marie", family_name="Vandeputte", emails=[EMAIL]
    )
    assert third["client_id"] == one

    [group] = await queue(shop)

    assert {client["client_id"] for client in group["clients"]} == {one, two}
    assert (group["pairs"], len(group["reviews"])) == (2, 2)


async def test_a_link_that_the_partition_keeps_apart_is_asked_too(shop: Shop) -> None:
    same = {"given_name": "Marie", "family_name": "Vandeputte", "emails": [EMAIL]}
    await shop.profile("pos", "P1", **same, birth_date="1971-05-04")
    await shop.profile("eshop", "E1", **same)
    await shop.profile("app", "A1", **same, birth_date="1994-11-23")

    [group] = await queue(shop, decision="link")

    assert [review["guard"] for review in group["reviews"]] == [None]
    assert await queue(shop, decision="review", guard="none") == []


async def test_filters_keep_what_they_name(shop: Shop) -> None:
    one, _ = await doubtful(shop, "Vandeputte")
    await doubtful(shop, "Delobelle")

    assert await families(shop, client_id=one) == ["Vandeputte"]
    assert await families(shop, client_id=str(uuid4())) == []
    assert len(await families(shop, source="eshop", state="new", decision="review")) == 2
    assert await families(shop, source="loyalty") == []
    assert (await shop.call("GET", "reviews", params={"sort": "name"})).status_code == 422
    assert (await shop.call("GET", "reviews", params={"cursor": "x"})).status_code == 422


async def test_a_match_joins_the_clients_and_outlives_what_comes_later(shop: Shop) -> None:
    one, two = await doubtful(shop, "Vandeputte")

    answer = await judged(shop, await only_review(shop), "match")

    assert answer["client_ids"] == [one]
    assert answer["effects"]["retired_client_ids"] == [two]
    assert answer["effects"]["open_reviews"] == {"settled": 1, "moved": 0}
    assert await queue(shop) == []
    await shop.profile("eshop", "E-Vandeputte", minute=1, phones=["0639981208"])
    assert await shop.client_of("eshop", "E-Vandeputte") == one


@pytest.mark.parametrize(("verdict", "settled"), [("match", 1), ("no_match", 1), ("unsure", 0)])
async def test_a_judgement_says_whether_it_settles_its_review(
    shop: Shop, verdict: str, settled: int
) -> None:
    await doubtful(shop, "Vandeputte")
    review = await only_review(shop)

    rehearsed = await judged(shop, review, verdict, dry_run=True)
    answer = await judged(shop, review, verdict)

    assert answer["effects"]["open_reviews"] == {"settled": settled, "moved": 0}
    assert rehearsed["effects"] == answer["effects"]
    assert len(await queue(shop)) == 1 - settled


async def test_a_review_that_is_closed_already_is_settled_by_nothing_else(shop: Shop) -> None:
    one, two = await doubtful(shop, "Vandeputte")
    await judged(shop, await only_review(shop), "no_match")

    merge = (await shop.merge(one, two)).json()
    undo = await shop.staff(
        "POST", f"identity-changes/{merge['decision_id']}/undo", {"reason": "two people"}
    )

    for answer in (merge, undo):
        assert answer["effects"]["totals"]["records"] == 1
        assert answer["effects"]["open_reviews"] == {"settled": 0, "moved": 0}
    assert await queue(shop) == []


async def test_a_no_match_binds_and_is_asked_again_when_the_values_change(shop: Shop) -> None:
    one, two = await doubtful(shop, "Vandeputte", emails=[EMAIL])
    review = await only_review(shop)

    answer = await judged(shop, review, "no_match")
    assert answer["client_ids"] == [one, two]
    assert await queue(shop) == []

    await shop.profile("eshop", "E-Vandeputte", minute=1, emails=[EMAIL])
    assert await shop.client_of("eshop", "E-Vandeputte") == two
    again = await only_review(shop)
    assert again["id"] == review["id"]
    assert (again["state"], again["decision"]) == ("asked_again", "link")
    assert (again["judgement"]["verdict"], again["judgement"]["values_changed"]) == (
        "no_match",
        True,
    )

    await shop.profile("eshop", "E-Vandeputte", minute=2, emails=[])
    assert await queue(shop) == []


async def test_what_a_profile_says_beside_the_point_asks_nothing_again(shop: Shop) -> None:
    await doubtful(shop, "Vandeputte")
    await judged(shop, await only_review(shop), "no_match")

    await shop.profile("eshop", "E-Vandeputte", minute=1, language="fr")

    assert await queue(shop) == []


async def test_unsure_goes_to_the_end_until_the_values_change(shop: Shop) -> None:
    await doubtful(shop, "Vandeputte", cards=["ABC-1234"])
    await shop.ticket(sale(customer={"card": "ABC-1234"}))
    await doubtful(shop, "Delobelle")
    assert await families(shop) == ["Vandeputte", "Delobelle"]

    await judged(shop, (await queue(shop))[0]["reviews"][0], "unsure")

    assert await families(shop) == ["Delobelle", "Vandeputte"]
    assert await families(shop, state="unsure") == ["Vandeputte"]
    assert await families(shop, limit=1) == ["Delobelle"]
    await shop.profile("eshop", "E-Vandeputte", minute=1, phones=["0639981208"])
    assert await families(shop) == ["Vandeputte", "Delobelle"]


async def test_unsure_leaves_what_was_said_before_in_force(shop: Shop) -> None:
    _, two = await doubtful(shop, "Vandeputte", emails=[EMAIL])
    await judged(shop, await only_review(shop), "no_match")
    await shop.profile("eshop", "E-Vandeputte", minute=1, emails=[EMAIL])

    await judged(shop, await only_review(shop), "unsure")

    await shop.profile("eshop", "E-Vandeputte", minute=2, phones=["0639981208"])
    assert await shop.client_of("eshop", "E-Vandeputte") == two


async def test_a_judgement_undone_puts_the_pair_back_into_the_queue(shop: Shop) -> None:
    one, two = await doubtful(shop, "Vandeputte")
    review = await only_review(shop)
    answer = await judged(shop, review, "match")

    undone = await shop.staff(
        "POST", f"identity-changes/{answer['decision_id']}/undo", {"reason": "two people"}
    )

    assert undone["client_ids"] == [one, two]
    again = await only_review(shop)
    assert (again["id"], again["state"]) == (review["id"], "new")


async def test_a_judgement_on_what_was_not_seen_is_refused_with_what_there_is(shop: Shop) -> None:
    await doubtful(shop, "Vandeputte")
    seen = await only_review(shop)
    await shop.profile("eshop", "E-Vandeputte", minute=1, phones=["0639981208"])

    response = await judge(shop, seen, "match")

    assert response.status_code == 409
    assert response.json()["type"] == "/problems/review-changed"
    current = response.json()["current"]
    assert current == await only_review(shop)
    assert current["version"] != seen["version"]
    assert await shop.clients() == 2
    await judged(shop, current, "match")
    assert await shop.clients() == 1


async def test_what_a_colleague_said_meanwhile_is_not_overruled_unseen(shop: Shop) -> None:
    await doubtful(shop, "Vandeputte")
    seen = await only_review(shop)
    await judged(shop, seen, "unsure")

    response = await judge(shop, seen, "no_match")

    assert response.status_code == 409
    assert response.json()["current"]["judgement"]["verdict"] == "unsure"


async def test_of_stewards_who_judge_one_pair_at_once_one_is_heard(shop: Shop) -> None:
    await doubtful(shop, "Vandeputte")
    review = await only_review(shop)

    verdicts = ["match", "no_match"] * 4
    answers = await asyncio.gather(*(judge(shop, review, verdict) for verdict in verdicts))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert await shop.scalar("SELECT count(*) FROM judgement") == 1


@pytest.mark.parametrize("verdict", ["match", "unsure"])
async def test_a_judgement_sent_again_is_answered_the_same_and_kept_once(
    shop: Shop, verdict: str
) -> None:
    await doubtful(shop, "Vandeputte")
    review = await only_review(shop)

    answers = await asyncio.gather(
        *(judge(shop, review, verdict, message_id="j-1") for _ in range(8))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert await shop.scalar("SELECT count(*) FROM decision") == 1
    other = await judge(shop, review, "no_match", message_id="j-1")
    assert other.status_code == 409
    assert other.json()["type"] == "/problems/message-id-reused"


async def test_a_rehearsed_judgement_changes_nothing(shop: Shop) -> None:
    _, two = await doubtful(shop, "Vandeputte")
    review = await only_review(shop)

    answer = await judged(shop, review, "match", dry_run=True, message_id="j-1")

    assert (answer["dry_run"], answer["decision_id"]) == (True, None)
    assert answer["effects"]["retired_client_ids"] == [two]
    assert await only_review(shop) == review
    assert await shop.clients() == 2


@pytest.mark.parametrize("review_id", ["x", "A" * 43, "é" * 43, "." * 43])
async def test_an_id_of_no_pair_is_not_found(shop: Shop, review_id: str) -> None:
    body = {"verdict": "match", "reason": "a test", "expected_version": "x"}

    answers = [
        await shop.call("GET", f"reviews/{review_id}"),
        await shop.call("POST", f"reviews/{review_id}/judgement", body),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_the_two_records_of_a_pair_stand_in_one_order(shop: Shop) -> None:
    await doubtful(shop, "Vandeputte")
    left, right = await shop.rows("SELECT id FROM source_record ORDER BY id")
    body = {"verdict": "match", "reason": "a test", "expected_version": "x"}

    for pair in ((right.id, left.id), (left.id, left.id)):
        written = reviews.review_id(pair)
        found = await shop.call("GET", f"reviews/{written}")
        judging = await shop.call("POST", f"reviews/{written}/judgement", body)
        assert (found.status_code, judging.status_code) == (404, 404)


async def test_the_sample_holds_links_until_they_are_judged(shop: Shop) -> None:
    same: dict[str, Any] = {"given_name": "Marie", "family_name": "Vandeputte", "emails": [EMAIL]}
    for source in ("pos", "eshop", "app"):
        await shop.accept(source, "profile", profile("1", **same))
    await doubtful(shop, "Delobelle")

    told: list[Any] = []
    cursor: str | None = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await shop.call("GET", "reviews/sample", params=params)).json()
        told += page["reviews"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert len({review["id"] for review in told}) == len(told) == 3
    assert {(review["state"], review["decision"]) for review in told} == {("together", "link")}
    await judged(shop, told[0], "match")
    page = (await shop.call("GET", "reviews/sample")).json()
    assert {review["id"] for review in page["reviews"]} == {review["id"] for review in told[1:]}

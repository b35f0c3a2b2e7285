"""Profiles: what a source states of a record, whatever the order and the repetitions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.model import Model
from rcu.ingestion.context import Context
from rcu.ingestion.intake import Defaults
from rcu.ingestion.messages import ProfileMessage
from rcu.ingestion.service import receive_chunk
from tests.factories import make_source
from tests.ingestion.shop import Message, Shop, profile, typed

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "birth_date": "1971-05-04",
    "emails": ["odile.vasseur@mail.example"],
}


async def test_a_new_person_is_created(shop: Shop) -> None:
    answer = await shop.accept("pos", "profile", message := profile("P1", **ODILE))

    assert answer == {
        "message_id": message["message_id"],
        "type": "profile",
        "external_id": "P1",
        "outcome": "created",
        "client_id": await shop.client_of("pos", "P1"),
        "merged_client_ids": [],
        "match": None,
        "reviews": [],
    }


async def test_a_person_known_from_another_source_is_matched_and_the_evidence_is_told(
    shop: Shop,
) -> None:
    first = await shop.profile("pos", "P1", **ODILE)

    second = await shop.profile("eshop", "E1", **ODILE | {"family_name": "VASSEUR"})

    assert second["outcome"] == "matched"
    assert second["client_id"] == first["client_id"]
    assert (second["match"]["source"], second["match"]["external_id"]) == ("pos", "P1")
    assert second["match"]["probability"] > 0.99
    levels = {item["attribute"]: item["level"] for item in second["match"]["evidence"]}
    assert levels["email"] == levels["birth_date"] == "exact"
    assert "mail.example" not in str(second)


async def test_new_values_update_a_record_and_the_same_values_leave_it(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)

    changed = await shop.profile("pos", "P1", minute=1, given_name="Odile-Marie")
    older = await shop.profile("pos", "P1", minute=0, given_name="Odette")
    nothing = await shop.profile("pos", "P1", minute=2)

    assert changed["outcome"] == "updated"
    assert (older["outcome"], nothing["outcome"]) == ("unchanged", "unchanged")
    assert {a["client_id"] for a in (changed, older, nothing)} == {changed["client_id"]}
    assert await _held(shop, "given_name") == "Odile-Marie"


async def test_an_older_statement_fills_in_only_what_no_newer_one_says(shop: Shop) -> None:
    await shop.profile("pos", "P1", minute=5, given_name="Odile")

    late = await shop.profile("pos", "P1", minute=1, given_name="Odette", family_name="Vasseur")

    assert late["outcome"] == "updated"
    assert await _held(shop, "given_name") == "Odile"
    assert await _held(shop, "family_name") == "Vasseur"


async def test_what_is_left_out_stays_and_null_or_an_empty_list_removes(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE, cards=["ABC-1234"], language="fr")

    await shop.profile("pos", "P1", minute=1, language=None, cards=[], emails=None)

    assert await _held(shop, "given_name") == "Odile"
    assert await _held(shop, "language") is None
    assert await shop.rows("SELECT DISTINCT origin FROM identifier") == [("withdrawn",)]


async def test_an_older_value_does_not_come_back_after_its_removal(shop: Shop) -> None:
    await shop.profile("pos", "P1", minute=5, emails=[])

    await shop.profile("pos", "P1", minute=1, emails=["odile.vasseur@mail.example"])

    assert await _held(shop, "emails") is None
    assert await shop.rows("SELECT origin FROM identifier") == [("withdrawn",)]


async def test_a_record_that_loses_the_email_that_tied_it_leaves_its_client(shop: Shop) -> None:
    thin = {"given_name": "Odile", "emails": ["odile.vasseur@mail.example"]}
    first = await shop.profile("pos", "P1", **thin)
    second = await shop.profile("eshop", "E1", **thin | {"family_name": "Vasseur"})
    assert second["client_id"] == first["client_id"]

    await shop.profile("eshop", "E1", minute=1, emails=[])

    assert await shop.client_of("eshop", "E1") != await shop.client_of("pos", "P1")
    assert await shop.client_of("pos", "P1") == first["client_id"]
    found = await shop.rows("SELECT kind FROM identity_change ORDER BY made_at")
    assert found == [("split",)]


async def test_a_value_corrected_back_and_forth_ends_where_it_ends(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE)
    other = {"given_name": "Basile", "family_name": "Kermadec", "birth_date": "1990-10-30"}
    await shop.profile("eshop", "E1", **ODILE)

    for round_ in range(3):
        away = await shop.profile("eshop", "E1", minute=2 * round_ + 1, **other)
        back = await shop.profile("eshop", "E1", minute=2 * round_ + 2, **ODILE)
        assert away["client_id"] != back["client_id"]

    assert await shop.client_of("eshop", "E1") == await shop.client_of("pos", "P1")
    kinds = await shop.rows("SELECT kind FROM identity_change ORDER BY made_at, id")
    assert kinds == [("split",), ("merge",)] * 3


async def test_one_record_three_times_in_a_batch_is_created_once(shop: Shop) -> None:
    batch = [
        typed("profile", profile("P1", minute=2, **ODILE)),
        typed("profile", profile("P1", minute=1, given_name="Odette")),
        typed("profile", profile("P1", minute=3, given_name="Odile-Marie")),
    ]

    results = await shop.batch("pos", batch)

    assert [r["answer"]["outcome"] for r in results] == ["created", "updated", "updated"]
    assert len({r["answer"]["client_id"] for r in results}) == 1
    assert await _held(shop, "given_name") == "Odile-Marie"


async def test_one_person_three_times_in_a_batch_is_created_by_the_first(shop: Shop) -> None:
    batch = [typed("profile", profile(f"P{n}", **ODILE)) for n in range(3)]

    results = await shop.batch("pos", batch)

    assert [r["answer"]["outcome"] for r in results] == ["created", "matched", "matched"]
    assert {r["answer"]["client_id"] for r in results} == {await shop.client_of("pos", "P0")}
    assert all(r["answer"]["merged_client_ids"] == [] for r in results)


async def test_a_record_that_ties_two_clients_says_which_one_is_gone(shop: Shop) -> None:
    first = await shop.profile("pos", "P1", **ODILE)
    del (other := dict(ODILE))["emails"], other["birth_date"]
    second = await shop.profile("loyalty", "L1", **other, phones=["06 39 98 12 08"])
    assert second["client_id"] != first["client_id"]

    third = await shop.profile("app", "A1", **ODILE, phones=["+33 6 39 98 12 08"])

    assert third["outcome"] == "matched"
    assert third["client_id"] == first["client_id"]
    assert third["merged_client_ids"] == [second["client_id"]]
    view = await shop.staff("GET", f"clients/{second['client_id']}")
    assert view["client_id"] == first["client_id"]


async def test_thirty_statements_on_one_record_at_once_all_count(shop: Shop) -> None:
    sent = [profile("P1", minute=n, attributes={"n": n}) for n in range(30)]
    names = ("given_name", "family_name", "birth_name", "language", "preferred_store", "title")
    sent += [profile("P1") | {name: "fr"} for name in names]

    responses = await asyncio.gather(*(shop.send("pos", "profile", one) for one in sent))

    assert {response.status_code for response in responses} <= {200, 201}
    assert await _held(shop, "attributes") == {"n": 29}
    held = await shop.scalar("SELECT profile FROM source_record")
    assert set(names) <= held.keys()


async def _held(shop: Shop, attribute: str) -> Any:
    return await shop.scalar(
        "SELECT profile -> :name -> 'value' FROM source_record WHERE source = 'pos'",
        name=attribute,
    )


# --- any order, any repetition -----------------------------------------------------------------

CONTEXT = Context(Model.shipped(), Defaults())


@st.composite
def statements(draw: st.DrawFn) -> tuple[list[Message], list[Message]]:
    """Return messages on one record, their times often the same; and those shuffled, some twice.

    Everything is drawn here: Hypothesis must not stop a test half-way through its coroutine.
    """
    values: dict[str, st.SearchStrategy[Any]] = {
        "given_name": st.sampled_from(["Odile", "Odette", None, ""]),
        "family_name": st.sampled_from(["Vasseur", "Puech", None]),
        "emails": st.sampled_from([["odile@mail.example"], ["odette@mail.example"], [], None]),
        "cards": st.sampled_from([["ABC-1234"], [], None]),
    }
    found = []
    for n in range(draw(st.integers(2, 5))):
        said = draw(st.fixed_dictionaries({}, optional=values))
        sent = profile("P1", minute=draw(st.integers(0, 3)), **said)
        found.append(sent | {"message_id": f"m{n}"})
    return found, draw(st.permutations(found + found[:2]))


@given(sent=statements(), together=st.booleans())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_order_and_repetition_of_messages_ends_in_the_same_record(
    session: AsyncSession, sent: tuple[list[Message], list[Message]], together: bool
) -> None:
    in_turn, shuffled = sent
    await make_source(session, "pos")

    in_order = await _record_after(session, sorted(in_turn, key=_stamp), together=False)
    otherwise = await _record_after(session, shuffled, together=together)

    assert otherwise == in_order


def _stamp(message: Message) -> tuple[str, str]:
    return message["occurred_at"], message["message_id"]


async def _record_after(
    session: AsyncSession, sent: Sequence[Message], *, together: bool
) -> list[Any]:
    """Return the record and its identifiers after the messages, then undo everything."""
    chunks = [sent] if together else [[message] for message in sent]
    async with session.begin_nested() as undone:
        for chunk in chunks:
            messages = [ProfileMessage.model_validate(message) for message in chunk]
            receipts = await receive_chunk(
                session, source="pos", messages=messages, context=CONTEXT
            )
            assert all(receipt.status < 300 for receipt in receipts)
        record = await session.execute(text("SELECT profile, features FROM source_record"))
        identifiers = await session.execute(
            text("SELECT kind, value, origin, verified_at FROM identifier ORDER BY 1, 2")
        )
        keys = await session.execute(text("SELECT key, face FROM blocking_key ORDER BY key"))
        found = [
            *map(tuple, record.all()),
            *map(tuple, identifiers.all()),
            *map(tuple, keys.all()),
        ]
        await undone.rollback()
    return found


@pytest.mark.parametrize("verified_at", [None, "2024-01-01T00:00:00Z"])
async def test_a_verified_identifier_is_known_as_such_until_the_source_takes_it_back(
    shop: Shop, verified_at: str | None
) -> None:
    email = {"value": "odile@mail.example", "verified": True, "verified_at": verified_at}
    await shop.profile("pos", "P1", emails=[email])
    verified = str(await shop.scalar("SELECT verified_at FROM identifier"))
    assert verified.startswith("2024-01-01" if verified_at else "2025-03-01 12:00")

    await shop.profile("pos", "P1", minute=1, emails=["odile@mail.example"])

    assert await shop.scalar("SELECT verified_at FROM identifier") is None


async def test_an_id_that_looks_like_one_of_ours_is_refused(shop: Shop) -> None:
    answer = await shop.send("pos", "profile", profile("ids:0123", **ODILE))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "/external_id"


async def test_the_view_shows_no_value_that_was_corrected(shop: Shop) -> None:
    wrong = [{"value": "wrong@mail.example", "verified": True}]
    told = await shop.profile("app", "A1", given_name="Odile", emails=wrong)
    await shop.profile("app", "A1", minute=5, emails=[{"value": "right@mail.example"}])

    view = await shop.staff("GET", f"clients/{told['client_id']}")

    assert [one["value"] for one in view["identifiers"]] == ["right@mail.example"]

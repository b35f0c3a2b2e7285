"""Mistyped cards and e-mails: offered for review when the rest fits, never attached blindly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.model import Model
from rcu.sales.slips import near_cards, near_emails
from rcu.sales.suggestions import suggest
from tests.ingestion.shop import Message, Shop, sale

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "birth_date": "1971-05-04",
    "emails": ["odile.vasseur@mail.example"],
    "cards": ["2900010053783"],
}
WRONG_CARD = {"card": "2900010053753"}
WRONG_EMAIL = {"email": "odile.vaseur@mail.example"}
REASON = {"reason": "same token"}


# --- what is one slip away ------------------------------------------------------------------------


def test_a_card_whose_check_digit_is_right_was_not_mistyped() -> None:
    assert near_cards("2900010053783") == frozenset()
    assert "2900010053783" in near_cards("2900010053753")
    assert near_cards("ABC1235") == frozenset()
    assert {"1234567", "123457", "12345767"} <= near_cards("1234576")


@given(
    local=st.text("abcdefgh0123.", min_size=3, max_size=12),
    place=st.integers(0, 11),
    letter=st.sampled_from("xyz9"),
)
def test_nearness_of_emails_is_mutual(local: str, place: int, letter: str) -> None:
    at = place % len(local)
    email = f"{local}@mail.example"
    slips = {local[:at] + letter + local[at:], local[:at] + letter + local[at + 1 :]}

    for slip in slips - {local}:
        assert f"{slip}@mail.example" in near_emails(email)
        assert email in near_emails(f"{slip}@mail.example")


def test_an_email_is_not_near_itself_nor_one_two_slips_away() -> None:
    near = near_emails("odile.v@mail.example")

    assert {"odlie.v@mail.example", "odile.v@mail.exampel", "odile.v@mai.example"} <= near
    assert "odile.v@mail.example" not in near
    assert "odlie.v@mai.example" not in near


# --- suggestions ----------------------------------------------------------------------------------


async def looked_for(shop: Shop) -> list[Any]:
    """Look for suggestions and return the open ones."""

    async def work(session: AsyncSession) -> None:
        await suggest(session, after=UUID(int=0), model=Model.shipped(), at=datetime.now(UTC))

    await shop.database.run(work)
    page = await shop.staff("GET", "ticket-suggestions")
    found: list[Any] = page["suggestions"]
    return found


async def odile_shops(shop: Shop, **other: Any) -> str:
    """Make Odile known, with a sale in store S001 paid by a token of hers."""
    odile = (await shop.profile("pos", "P1", **ODILE | other))["client_id"]
    await shop.ticket(sale(token="par_tok_1", customer={"external_id": "P1"}))
    return str(odile)


@pytest.mark.parametrize(
    ("said", "kind", "fits"),
    [
        ({"customer": WRONG_EMAIL}, "email", ["store"]),
        ({"customer": WRONG_EMAIL, "token": "par_tok_1"}, "email", ["payment_token", "store"]),
        (
            {"customer": WRONG_EMAIL, "token": "par_tok_1", "store": "S002"},
            "email",
            ["payment_token"],
        ),
        ({"customer": WRONG_CARD}, "card", ["store"]),
    ],
)
async def test_a_slip_is_offered_when_the_token_or_the_store_fits(
    shop: Shop, said: dict[str, Any], kind: str, fits: list[str]
) -> None:
    odile = await odile_shops(shop)
    slipped = sale(**said)
    await shop.ticket(slipped)

    [found] = await looked_for(shop)
    again = await looked_for(shop)

    assert (found["client_id"], found["kind"], found["fits"]) == (odile, kind, fits)
    assert await shop.attached(slipped) == (None, None)
    assert again == [found]


@pytest.mark.parametrize(
    "said",
    [
        {"customer": WRONG_EMAIL, "store": "S002"},
        {"customer": WRONG_CARD, "store": "S002"},
        {"customer": WRONG_EMAIL | {"given_name": "Basile"}},
        {"customer": {"email": "odile.vaser@mail.example"}},
        {"customer": {"email": "odile.vasseur@other.example"}},
    ],
)
async def test_what_does_not_fit_is_not_offered(shop: Shop, said: dict[str, Any]) -> None:
    await odile_shops(shop)
    await shop.ticket(sale(**said))

    assert await looked_for(shop) == []


async def test_of_two_whom_a_slip_fits_nobody_is_offered_but_a_token_decides(shop: Shop) -> None:
    odile = await odile_shops(shop)
    await shop.profile("pos", "P2", given_name="Basile", emails=["odile.vasur@mail.example"])
    await shop.ticket(sale(customer={"external_id": "P2"}))
    both = {"email": "odile.vassur@mail.example"}
    await shop.ticket(sale(customer=both))
    assert await looked_for(shop) == []

    await shop.ticket(sale(customer=both, token="par_tok_1"))

    assert [found["client_id"] for found in await looked_for(shop)] == [odile]


async def _suggested(shop: Shop) -> tuple[Message, str]:
    await odile_shops(shop)
    slipped = sale(customer=WRONG_EMAIL)
    await shop.ticket(slipped)
    [found] = await looked_for(shop)
    return slipped, f"ticket-suggestions/{found['id']}/decision"


async def test_a_steward_who_accepts_attaches_the_ticket(shop: Shop) -> None:
    slipped, path = await _suggested(shop)
    body = {"verdict": "accepted"} | REASON

    told = [await shop.staff("POST", path, body) for _ in range(2)]
    changed = await shop.call("POST", path, body | {"verdict": "rejected"})

    assert [answer["attachment"]["method"] for answer in told] == ["steward", "steward"]
    assert (await shop.attached(slipped))[1] == "steward"
    assert changed.status_code == 409
    assert await looked_for(shop) == []
    evidence = await shop.scalar("SELECT evidence ->> 'suggestion_id' FROM ticket_link_change")
    assert evidence in path


async def test_a_steward_who_rejects_is_not_asked_again(shop: Shop) -> None:
    slipped, path = await _suggested(shop)

    await shop.staff("POST", path, {"verdict": "rejected"} | REASON)

    assert await looked_for(shop) == []
    assert await shop.attached(slipped) == (None, None)


async def test_a_ticket_that_found_its_client_meanwhile_is_not_offered_any_more(
    shop: Shop,
) -> None:
    _, path = await _suggested(shop)

    await shop.profile("eshop", "E1", given_name="Lou", emails=[WRONG_EMAIL["email"]])
    late = await shop.call("POST", path, {"verdict": "accepted"} | REASON)

    assert await looked_for(shop) == []
    assert (late.status_code, late.json()["type"]) == (409, "/problems/suggestion-decided")

"""Whose tickets are that carry what one client holds verified, and others merely state."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingestion.shop import Shop, sale

ODILE: dict[str, Any] = {"given_name": "Odile", "family_name": "Vasseur"}
BASILE: dict[str, Any] = {"given_name": "Basile", "family_name": "Kermadec"}
EMAIL = "odile.vasseur@mail.example"
STATED = {
    "card": ("cards", "ABC-1234"),
    "email": ("emails", EMAIL),
    "phone": ("phones", "0639981208"),
}


def verified(value: str) -> list[dict[str, Any]]:
    """Return a value as a source states it that has verified it."""
    return [{"value": value, "verified": True}]


@pytest.mark.parametrize("is_verified_first", [True, False])
@pytest.mark.parametrize("kind", STATED)
async def test_to_state_what_is_verified_of_another_takes_no_tickets_and_stops_none(
    shop: Shop, kind: str, is_verified_first: bool
) -> None:
    field, value = STATED[kind]
    told = [
        ("loyalty", "L1", ODILE | {field: verified(value)}),
        ("eshop", "E1", BASILE | {field: [value]}),
    ]
    before, after = sale(customer={kind: value}), sale(customer={kind: value})
    await shop.ticket(before)

    for source, external_id, said in told if is_verified_first else reversed(told):
        await shop.profile(source, external_id, **said)
    await shop.ticket(after)

    odile = await shop.client_of("loyalty", "L1")
    assert await shop.client_of("eshop", "E1") != odile
    assert await shop.attached(before) == await shop.attached(after) == (odile, kind)


async def test_who_holds_it_verified_now_decides(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE, emails=verified(EMAIL)))["client_id"]
    basile = (await shop.profile("eshop", "E1", **BASILE, emails=[EMAIL]))["client_id"]
    ticket = sale(customer={"email": EMAIL})
    await shop.ticket(ticket)
    told = [await shop.attached(ticket)]

    await shop.profile("eshop", "E1", minute=1, emails=verified(EMAIL))
    told.append(await shop.attached(ticket))
    await shop.profile("pos", "P1", minute=2, emails=[EMAIL])
    told.append(await shop.attached(ticket))
    await shop.profile("eshop", "E1", minute=3, emails=[EMAIL])
    told.append(await shop.attached(ticket))

    assert told == [(odile, "email"), (None, "ambiguous"), (basile, "email"), (None, "ambiguous")]


async def test_what_was_stated_once_counts_as_it_was_stated_last(shop: Shop) -> None:
    odile = (await shop.profile("pos", "P1", **ODILE, emails=verified(EMAIL)))["client_id"]
    ticket = sale(customer={"email": EMAIL})
    await shop.ticket(ticket)
    await shop.profile("eshop", "E1", **BASILE, emails=[EMAIL])
    told = []

    await shop.profile("eshop", "E1", minute=1, emails=[])
    told.append(await shop.attached(ticket))
    await shop.profile("pos", "P1", minute=1, emails=[])
    told.append(await shop.attached(ticket))
    await shop.profile("eshop", "E1", minute=2, emails=[EMAIL])
    told.append(await shop.attached(ticket))
    await shop.profile("eshop", "E1", minute=3, emails=verified(EMAIL))

    assert told == [(odile, "email")] * 3
    assert await shop.attached(ticket) == (None, "ambiguous")


async def test_a_name_on_the_ticket_comes_before_who_has_verified_the_email(shop: Shop) -> None:
    await shop.profile("pos", "P1", **ODILE, emails=verified(EMAIL))
    basile = (await shop.profile("eshop", "E1", **BASILE, emails=[EMAIL]))["client_id"]

    his = await shop.ticket(sale(customer={"email": EMAIL, "given_name": "Basile"}))

    assert (his["client_id"], his["method"]) == (basile, "email")

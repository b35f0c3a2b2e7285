"""The parity report, and the commands of the programme."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from rcu.cli.main import app
from rcu.loyalty.parity import report_parity
from rcu.loyalty.programme import Programme
from tests.ingestion.shop import Shop, at_minute, cancel, clear, sale
from tests.loyalty.club import CLUB, activate

P1: dict[str, Any] = {"external_id": "P1"}
FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)


async def test_the_report_lists_each_ticket_that_a_rule_changed(shop: Shop) -> None:
    triple = {"code": "triple", "factor": 3, "when": {"categories": ["shoes"]}}
    await activate(shop.database, CLUB | {"version": "club-2", "multipliers": [triple]})
    shoes = [{"sku": "A", "category": "shoes", "amount_cents": 1000}]
    await shop.ticket(sale(customer=P1))
    await shop.ticket(
        sale(customer={"external_id": "E1"}, store=None, ticket_id="W1"), source="eshop"
    )
    await shop.ticket(sale(customer=P1, lines=shoes, ticket_id="T-3"))

    found = await report_parity(shop.database, first=FIRST, last=LAST)

    assert (found.deviating, found.unexplained) == (1, 0)
    assert [(d.ticket_id, d.plain_points, d.points, d.rules) for d in found.deviations] == [
        ("T-3", 10, 30, ("multiplier:triple",))
    ]
    per_channel = {key: (e.tickets, e.plain_points) for key, e in found.by_channel.items()}
    assert per_channel == {("store", "EUR"): (2, 20), ("web", "EUR"): (1, 10)}


async def test_points_that_no_rule_explains_are_found(shop: Shop) -> None:
    await shop.ticket(sale(customer=P1))
    await shop.run_sql("UPDATE ticket SET total_cents = 2000")

    found = await report_parity(shop.database, first=FIRST, last=LAST)

    await shop.run_sql("UPDATE ticket SET total_cents = 1000")
    assert (found.deviating, found.unexplained) == (1, 1)


async def test_a_sale_that_earned_nothing_as_it_was_nobodys_is_listed_with_the_rule(
    shop: Shop,
) -> None:
    await activate(shop.database, CLUB | {"version": "club-known", "anonymous_sales_earn": False})
    await shop.ticket(sale(customer=P1, ticket_id="T-1"))
    await shop.ticket(sale(token="par_tok_7", ticket_id="T-2"))
    cancelled = sale(customer=P1, ticket_id="T-3")
    await shop.ticket(cancelled)
    await shop.ticket(cancel(cancelled))

    await shop.profile("pos", "P1", given_name="Odile")
    await shop.ticket(sale(customer=P1, ticket_id="T-4", sold_at=at_minute(9)))
    found = await report_parity(shop.database, first=FIRST, last=LAST)

    assert (found.deviating, found.unexplained) == (1, 0)
    assert [(d.ticket_id, d.plain_points, d.points, d.rules) for d in found.deviations] == [
        ("T-1", 10, 0, ("anonymous_sales_earn:false",))
    ]


async def test_a_sale_from_before_the_programme_was_put_in_force_is_listed_with_that(
    shop: Shop,
) -> None:
    await clear(shop.database)
    await shop.profile("pos", "P1", given_name="Odile")
    await shop.ticket(sale(customer=P1, ticket_id="T-1"))
    await activate(shop.database, CLUB)

    found = await report_parity(shop.database, first=FIRST, last=LAST)

    assert [(d.ticket_id, d.rules) for d in found.deviations] == [("T-1", ("activated_later",))]


async def test_a_sale_of_a_client_that_no_rule_kept_from_earning_is_found(shop: Shop) -> None:
    await activate(shop.database, CLUB | {"version": "club-known", "anonymous_sales_earn": False})
    await shop.ticket(sale(customer=P1))
    await shop.profile("pos", "P1", given_name="Odile")
    await shop.run_sql("UPDATE ticket SET sale_client_id = record_id")

    found = await report_parity(shop.database, first=FIRST, last=LAST)

    assert (found.deviating, found.unexplained) == (1, 1)


async def test_a_bonus_that_was_given_later_is_told_as_one_given_at_once(shop: Shop) -> None:
    bonus = {"code": "welcome", "kind": "first_purchase", "points": 7}
    await activate(shop.database, CLUB | {"version": "club-welcome", "bonuses": [bonus]})
    await shop.ticket(sale(customer=P1, ticket_id="T-1"))
    await shop.profile("pos", "P1", given_name="Odile")

    found = await report_parity(shop.database, first=FIRST, last=LAST)

    assert [(d.ticket_id, d.points, d.rules) for d in found.deviations] == [
        ("T-1", 17, ("bonus:welcome",))
    ]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (yaml.safe_dump(Programme.shipped().to_document()), 0, "a sound programme"),
        ("version: x\nname: X\npoints_per_unit: {EUR: -1}", 1, "points_per_unit.EUR"),
        ("a: [", 1, "neither YAML nor JSON"),
        ("just words", 1, "is no programme"),
    ],
)
def test_a_programme_file_is_checked(tmp_path: Path, text: str, code: int, says: str) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(text)

    result = CliRunner().invoke(app, ["programme", "validate", str(file)])

    assert result.exit_code == code
    assert says in result.output


def test_the_shipped_programme_is_shown_as_it_can_be_activated(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(CliRunner().invoke(app, ["programme", "show", "--shipped"]).output)

    assert CliRunner().invoke(app, ["programme", "validate", str(file)]).exit_code == 0

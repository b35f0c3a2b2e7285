"""The past of the attach rate in periods: when boundaries are set, and what they know."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from rcu.analytics import attach_rate_periods
from rcu.analytics.attach_rate_periods import Periods, set_boundary
from rcu.analytics.attach_rate_rollups import complete_periods, fold, recount
from tests.ingestion.shop import Shop, sale

PARIS = "Europe/Paris"
MARCH = {"from": "2025-03-01", "to": "2025-03-31"}
DAILY = Periods(timedelta(days=1), timedelta(0))
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def tickets(shop: Shop, as_of: datetime | None = None) -> int:
    """Return how many sales of the month there are, or were at a time."""
    params = MARCH | ({"as_of": as_of.isoformat()} if as_of else {})
    response = await shop.call("GET", "analytics/attach-rate", params=params)
    assert response.status_code == 200, response.text
    found: int = response.json()["totals"]["tickets"]
    return found


async def boundaries(shop: Shop) -> list[datetime]:
    return [row[0] for row in await shop.rows("SELECT at FROM attach_rate_boundary ORDER BY at")]


async def today(shop: Shop) -> datetime:
    found: datetime = await shop.scalar("SELECT date_trunc('day', now())")
    return found


async def sell_long_ago(shop: Shop, at: datetime) -> None:
    """Sell something that was received at a time that has passed."""
    await shop.ticket(sale())
    await shop.run_sql(
        f"UPDATE ticket SET received_at = '{at.isoformat()}' "
        "WHERE id = (SELECT max(id::text)::uuid FROM ticket)"
    )


async def complete(shop: Shop, periods: Periods = DAILY) -> None:
    while await complete_periods(shop.database, timezone=PARIS, periods=periods):
        pass


async def keep_three_days(shop: Shop) -> datetime:
    """Count one sale of each of the last three full days; return when the last of them ended."""
    end = await today(shop)
    for days in (3, 2, 1):
        await sell_long_ago(shop, end - days * DAY + 12 * HOUR)
    await fold(shop.database, timezone=PARIS, periods=DAILY)
    await complete(shop)
    return end


async def forget_tickets(shop: Shop) -> None:
    """Leave the tickets nothing to tell by."""
    await shop.run_sql("UPDATE ticket SET received_at = 'infinity'")


async def test_what_was_known_at_a_boundary_is_told_without_looking_at_a_ticket(shop: Shop) -> None:
    end = await keep_three_days(shop)

    await forget_tickets(shop)

    assert await boundaries(shop) == [end - 2 * DAY, end - DAY, end]
    assert [await tickets(shop, end - days * DAY) for days in (2, 1, 0)] == [1, 2, 3]


async def test_between_boundaries_only_what_happened_between_is_looked_at(shop: Shop) -> None:
    end = await keep_three_days(shop)

    assert await tickets(shop, end - DAY - 16 * HOUR) == 1
    assert await tickets(shop, end - DAY - 8 * HOUR) == 2
    assert await tickets(shop, end - 5 * DAY) == 0


async def test_the_next_boundary_is_set_when_it_is_due_and_not_before(shop: Shop) -> None:
    patient = Periods(DAY, await shop.scalar("SELECT now() - date_trunc('day', now())") + HOUR)
    end = await today(shop)
    await shop.ticket(sale())

    await fold(shop.database, timezone=PARIS, periods=patient)
    assert await boundaries(shop) == [end - DAY]
    await fold(shop.database, timezone=PARIS, periods=DAILY)

    assert await boundaries(shop) == [end - DAY, end]
    assert await tickets(shop, end) == 0


async def test_periods_in_which_nothing_happened_are_not_cut_off_the_past(shop: Shop) -> None:
    end = await today(shop)
    await sell_long_ago(shop, end - timedelta(days=400))
    await sell_long_ago(shop, end)
    await fold(shop.database, timezone=PARIS, periods=DAILY)

    await complete(shop)

    assert await boundaries(shop) == [end - timedelta(days=400), end]
    assert await tickets(shop, end - HOUR) == 1


async def test_what_comes_late_is_known_at_the_time_it_is_dated(shop: Shop) -> None:
    end = await keep_three_days(shop)

    await sell_long_ago(shop, end - 36 * HOUR)
    known = [await tickets(shop, end - days * DAY) for days in (2, 1, 0)]
    await fold(shop.database, timezone=PARIS, periods=DAILY)
    left = await boundaries(shop)
    folded = [await tickets(shop, end - days * DAY) for days in (2, 1, 0)]
    await complete(shop)
    await forget_tickets(shop)

    assert known == folded == [1, 3, 4]
    assert left == [end - 2 * DAY, end]
    assert [await tickets(shop, end - days * DAY) for days in (2, 1, 0)] == [1, 3, 4]


async def test_what_is_dated_before_every_boundary_leaves_none_but_the_one_that_is_due(
    shop: Shop,
) -> None:
    end = await keep_three_days(shop)

    await sell_long_ago(shop, end - 30 * DAY)
    await fold(shop.database, timezone=PARIS, periods=DAILY)
    assert await boundaries(shop) == [end]
    await complete(shop)
    await forget_tickets(shop)

    assert [await tickets(shop, end - days * DAY) for days in (29, 2, 1, 0)] == [1, 2, 3, 4]


async def test_a_ticket_that_is_deleted_stays_in_what_was_known(shop: Shop) -> None:
    end = await keep_three_days(shop)

    await shop.run_sql("DELETE FROM ticket")

    assert [await tickets(shop, end - days * DAY) for days in (2, 1, 0)] == [1, 2, 3]
    assert await tickets(shop) == 3


async def test_counting_anew_counts_the_past_anew(shop: Shop) -> None:
    end = await keep_three_days(shop)
    await shop.run_sql("UPDATE attach_rate_cell_change SET tickets = 7")

    assert await recount(shop.database, timezone=PARIS) == 0
    assert await boundaries(shop) == []
    await fold(shop.database, timezone=PARIS, periods=DAILY)
    await complete(shop)
    await forget_tickets(shop)

    assert [await tickets(shop, end - days * DAY) for days in (2, 1, 0)] == [1, 2, 3]


async def test_a_boundary_that_is_broken_off_leaves_all_as_it_was(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = await keep_three_days(shop)
    kept = await shop.rows("SELECT * FROM attach_rate_cell_change ORDER BY since, id")
    half_days = Periods(DAY / 2, timedelta(0))
    await sell_long_ago(shop, end - 4 * HOUR)

    async def break_off(*_: object) -> None:
        raise ConnectionAbortedError

    with monkeypatch.context() as patched:
        patched.setattr(attach_rate_periods, "newest_boundary", break_off)
        with pytest.raises(ConnectionAbortedError):
            await fold(shop.database, timezone=PARIS, periods=half_days)

    assert await boundaries(shop) == [end - 2 * DAY, end - DAY, end]
    assert await shop.rows("SELECT * FROM attach_rate_cell_change ORDER BY since, id") == kept
    await complete(shop, half_days)
    assert [await tickets(shop, end - days * DAY) for days in (2, 1, 0)] == [1, 2, 4]


async def test_folds_at_once_set_each_boundary_once(shop: Shop) -> None:
    end = await today(shop)
    for days in (3, 2, 1):
        await sell_long_ago(shop, end - days * DAY + 12 * HOUR)

    async def keep() -> None:
        for _ in range(4):
            await fold(shop.database, timezone=PARIS, periods=DAILY)
            await complete_periods(shop.database, timezone=PARIS, periods=DAILY)

    await asyncio.gather(*(keep() for _ in range(6)))
    await complete(shop)
    await forget_tickets(shop)

    assert await boundaries(shop) == [end - 2 * DAY, end - DAY, end]
    assert [await tickets(shop, end - days * DAY) for days in (2, 1, 0)] == [1, 2, 3]


async def rows_of(shop: Shop) -> list[Any]:
    return await shop.rows(
        "SELECT since, tickets FROM attach_rate_cell_change WHERE grain = 'day' ORDER BY since"
    )


async def test_what_came_and_went_within_a_period_takes_no_room(shop: Shop) -> None:
    end = await keep_three_days(shop)
    await shop.run_sql("UPDATE ticket SET voided_by = id")

    await fold(shop.database, timezone=PARIS, periods=DAILY)

    assert await rows_of(shop) == [
        (end - 2 * DAY, 1),
        (end - DAY, 1),
        (end, -3),
    ]


async def missed(shop: Shop, as_of: datetime | None = None) -> int:
    params = MARCH | ({"as_of": as_of.isoformat()} if as_of else {})
    answer = (await shop.call("GET", "analytics/attach-rate", params=params)).json()
    found: int = answer["totals"]["missed"]
    return found


async def test_a_ticket_changes_with_its_client_though_neither_it_nor_its_record_moved(
    shop: Shop,
) -> None:
    """Whoever joins a client may have been known for longer; the record may be gone since."""
    own, shared = {"external_id": "P1"}, "basile.v@mail.example"
    await shop.ticket(sale(customer=own))
    odile = await shop.profile("eshop", "E1", given_name="Odile", birth_date="1971-05-04")
    await shop.ticket(sale(customer=own))
    await shop.ticket(sale(customer={"email": shared}))
    basile = await shop.profile("pos", "P1", given_name="Basile", emails=[shared])

    times, told = [await now(shop)], [await missed(shop)]
    await shop.merge(basile["client_id"], odile["client_id"])
    times, told = [*times, await now(shop)], [*told, await missed(shop)]
    await shop.profile("app", "A1", given_name="Ursule", emails=[shared], birth_date="1988-01-02")
    told.append(await missed(shop))
    await fold(shop.database, timezone=PARIS)
    await asyncio.sleep((await now(shop) - times[0]).total_seconds())

    for boundary in times:
        await shop.run_sql("TRUNCATE attach_rate_boundary, attach_rate_cell_change")
        async with shop.database.transaction() as session:
            await set_boundary(session, boundary)
        assert [await missed(shop, at) for at in times] == told[:2] == [0, 2]
    assert told[2] == 1


async def now(shop: Shop) -> datetime:
    found: datetime = await shop.scalar("SELECT clock_timestamp()")
    return found


async def test_a_client_is_known_since_the_change_that_made_it_so_whatever_the_clocks_say(
    shop: Shop,
) -> None:
    """The clock that dates a new profile may be ahead of the one that dates what it brought."""
    shown = {"email": "basile.v@mail.example"}
    await shop.ticket(sale(customer=shown))
    await shop.profile("eshop", "E1", given_name="Basile", emails=[shown["email"]])
    moved = await shop.scalar("SELECT max(made_at) FROM attach_rate_record_change") - 2 * HOUR
    await shop.run_sql(
        "UPDATE attach_rate_record_change SET made_at = made_at - interval '2 hours'"
    )
    await shop.run_sql("UPDATE ticket SET received_at = received_at - interval '3 hours'")
    await fold(shop.database, timezone=PARIS)

    for boundary in (moved - HOUR / 2, moved + HOUR):
        await shop.run_sql("TRUNCATE attach_rate_boundary, attach_rate_cell_change")
        async with shop.database.transaction() as session:
            await set_boundary(session, boundary)
        for at, attached in ((moved - HOUR / 4, 0), (moved + HOUR / 4, 1)):
            params = MARCH | {"as_of": at.isoformat()}
            told = await shop.call("GET", "analytics/attach-rate", params=params)
            opened = await shop.call(
                "GET", "analytics/attach-rate/tickets", params=params | {"which": "attached_now"}
            )
            assert told.json()["totals"]["attached_now"] == attached
            assert len(opened.json()["tickets"]) == attached

"""A retailer at work on a test database: its systems send, its people look after what they sent.

Messages are made by plain functions, so that a test shows only what matters to it. People are
invented.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access import service as access
from rcu.access.models import Scope, SourceKind
from rcu.db.engine import Database
from rcu.db.metadata import Base, import_models
from rcu.sales import stores
from rcu.sales.stores import StoreDetails
from rcu.settings import Settings
from tests.service_client import TEST_SETTINGS, running_service

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)

SOURCES = {
    "pos": SourceKind.POS,
    "eshop": SourceKind.ECOMMERCE,
    "app": SourceKind.APP,
    "loyalty": SourceKind.LOYALTY,
}

Message = dict[str, Any]

_numbers = itertools.count(1)


# --- messages -----------------------------------------------------------------------------------


def at_minute(minute: int) -> str:
    """Return a time of the test day, as it is written on the wire."""
    return (NOON + timedelta(minutes=minute)).isoformat()


def profile(external_id: str, *, minute: int = 0, **said: Any) -> Message:
    """Return a profile message; e-mails, phones and cards may be given as plain texts."""
    return {
        "message_id": f"m-{next(_numbers)}",
        "external_id": external_id,
        "occurred_at": at_minute(minute),
    } | {name: _wire(name, value) for name, value in said.items()}


def _wire(name: str, value: Any) -> Any:
    if name in {"emails", "phones", "cards"} and isinstance(value, list):
        return [{"value": one} if isinstance(one, str) else one for one in value]
    return value


def sale(
    number: int | None = None,
    *,
    token: str | None = None,
    customer: Mapping[str, Any] | None = None,
    **said: Any,
) -> Message:
    """Return a sale of 10.00 EUR at till 01 of store S001, paid by `token`."""
    number = next(_numbers) if number is None else number
    message: Message = {
        "message_id": f"m-{next(_numbers)}",
        "store": "S001",
        "till": "01",
        "number": number,
        "sold_at": at_minute(0),
        "total_cents": 1000,
    }
    if token is not None:
        message["payments"] = [{"payment_token": token}]
    if customer is not None:
        message["customer"] = dict(customer)
    return message | said


def ticket_id(message: Message) -> str:
    """Return the id that the service gives to a ticket which came without one."""
    return str(
        message.get("ticket_id")
        or f"{message['store']}-{message['till']}-20250301-{message['number']}"
    )


def bring_back(original: Message, *, source: str | None = None, **said: Any) -> Message:
    """Return the message of goods of a ticket brought back, for 4.00 EUR."""
    reference = {"ticket_id": ticket_id(original)} | ({"source": source} if source else {})
    return sale(kind="return", total_cents=-400, original=reference) | said


def cancel(original: Message, **said: Any) -> Message:
    """Return the message that voids a ticket."""
    return sale(kind="void", total_cents=0, original={"ticket_id": ticket_id(original)}) | said


def order_step(order_id: str, status: str, *, minute: int = 0, **said: Any) -> Message:
    """Return a step of a web order; the first one says that it is of 50.00 EUR."""
    whole = {"currency": "EUR", "total_cents": 5000} if status == "placed" else {}
    return {
        "message_id": f"m-{next(_numbers)}",
        "order_id": order_id,
        "status": status,
        "occurred_at": at_minute(minute),
        **whole,
        **said,
    }


def event(name: str = "page.viewed", **customer: Any) -> Message:
    """Return an event of somebody."""
    return {
        "message_id": f"m-{next(_numbers)}",
        "name": name,
        "occurred_at": at_minute(0),
        "customer": customer,
    }


def consent(
    status: str = "granted",
    purpose: str = "newsletter",
    *,
    minute: int = 0,
    channel: str | None = None,
    **customer: Any,
) -> Message:
    """Return what somebody says of a purpose."""
    return {
        "message_id": f"m-{next(_numbers)}",
        "purpose": purpose,
        "status": status,
        "occurred_at": at_minute(minute),
        "how": "form",
        "wording": "newsletter-2025-01",
        "customer": customer,
    } | ({"channel": channel} if channel else {})


def typed(kind: str, message: Message) -> Message:
    """Return a message as a member of a batch."""
    return {"type": kind} | message


# --- the shop -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shop:
    """The service on a database of the test's own, and everybody who calls it."""

    database: Database
    http: httpx.AsyncClient
    keys: Mapping[str, str]
    """By source; `staff` and `manager` for the keys of the people at the head office."""

    async def call(
        self, method: str, path: str, body: Any = None, *, who: str = "staff", **options: Any
    ) -> httpx.Response:
        """Call a route with the key of a source, or of the staff."""
        headers = {"Authorization": f"Bearer {self.keys[who]}"}
        return await self.http.request(method, f"/v1/{path}", headers=headers, json=body, **options)

    async def send(self, source: str, kind: str, message: Message) -> httpx.Response:
        """Send one message, whatever comes of it."""
        return await self.call("POST", f"{kind}s", message, who=source)

    async def accept(self, source: str, kind: str, message: Message) -> Any:
        """Send one message that has to be accepted; return the answer."""
        response = await self.send(source, kind, message)
        assert response.status_code < 300, response.text
        return response.json()

    async def profile(self, source: str, external_id: str, **said: Any) -> Any:
        """Send a profile and return the answer."""
        return await self.accept(source, "profile", profile(external_id, **said))

    async def ticket(self, message: Message, *, source: str = "pos") -> Any:
        """Send a ticket and return the answer."""
        return await self.accept(source, "ticket", message)

    async def batch(self, source: str, messages: Sequence[Message]) -> list[Any]:
        """Send a batch and return its results."""
        response = await self.call("POST", "batch", {"messages": list(messages)}, who=source)
        assert response.status_code == 200, response.text
        results: list[Any] = response.json()["results"]
        return results

    async def staff(self, method: str, path: str, body: Any = None) -> Any:
        """Call a route as staff and return the answer, which has to be a good one."""
        response = await self.call(method, path, body)
        assert response.status_code < 300, response.text
        return response.json()

    async def merge(self, client_id: str, other: str, **said: Any) -> httpx.Response:
        """Merge two clients as a steward."""
        body = {"other_client_id": other, "reason": "same person"} | said
        return await self.call("POST", f"clients/{client_id}/merge", body)

    async def split(
        self, client_id: str, records: Sequence[tuple[str, str]], **said: Any
    ) -> httpx.Response:
        """Split records off a client as a steward."""
        named = [{"source": source, "external_id": key} for source, key in records]
        body = {"records": named, "reason": "two people"} | said
        return await self.call("POST", f"clients/{client_id}/split", body)

    async def parked(self) -> list[Any]:
        """Return the messages that wait."""
        page = await self.staff("GET", "parked")
        found: list[Any] = page["parked"]
        return found

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        """Return the rows of a query."""
        async with self.database.read() as connection:
            return list((await connection.execute(text(statement), values)).all())

    async def scalar(self, statement: str, **values: Any) -> Any:
        """Return the first value of a query."""
        return (await self.rows(statement, **values))[0][0]

    async def run_sql(self, statement: str) -> None:
        """Change the data behind the service's back."""
        async with self.database.transaction() as session:
            await session.execute(text(statement))

    async def client_of(self, source: str, external_id: str) -> str:
        """Return the client that a source record is with now."""
        return str(
            await self.scalar(
                "SELECT client_id FROM source_record WHERE source = :s AND external_id = :e",
                s=source,
                e=external_id,
            )
        )

    async def clients(self) -> int:
        """Return the number of known clients."""
        return int(await self.scalar("SELECT count(*) FROM client WHERE known"))

    async def attached(self, message: Message) -> tuple[str | None, str | None]:
        """Return the known client that a ticket is attached to now, and how.

        Without one, None and why there is none, which is None when nobody known was named.
        """
        [row] = await self.rows(_ATTACHED, ticket_id=ticket_id(message))
        if row[0]:
            return str(row[0]), row[1]
        return None, row[1] if row[1] in {"ambiguous", "shared"} else None


_ATTACHED = """
    SELECT CASE WHEN c.known THEN c.id END,
           CASE t.link WHEN 'original' THEN 'return_link' WHEN 'order' THEN 'order_reference'
                       WHEN 'claim' THEN 'claim' WHEN 'steward' THEN 'steward'
                ELSE CASE r.kind WHEN 'profile' THEN 'own_record' ELSE r.placement END END
    FROM ticket t
    LEFT JOIN source_record r ON r.id = t.record_id
    LEFT JOIN client c ON c.id = r.client_id
    WHERE t.ticket_id = :ticket_id
"""


@asynccontextmanager
async def open_shop(
    database: Database, *, settings: Settings = TEST_SETTINGS
) -> AsyncIterator[Shop]:
    """Start the service with four sources, two stores, and everybody's keys."""
    keys = await database.run(_furnish)
    async with running_service(database, settings=settings) as http:
        yield Shop(database, http, keys)


async def _furnish(session: AsyncSession) -> dict[str, str]:
    keys = {}
    for code, kind in SOURCES.items():
        await access.add_source(session, code=code, name=code, kind=kind)
        key = await access.create_key(
            session,
            name=code,
            scopes=[Scope.INGEST, Scope.LOYALTY_SPEND],
            source=code,
            reader=None,
        )
        keys[code] = key.text
    scopes = [scope for scope in Scope if scope not in {Scope.INGEST, Scope.LOYALTY_SPEND}]
    staff = await access.create_key(
        session, name="staff", scopes=scopes, source=None, reader="staff"
    )
    for code in ("S001", "S002"):
        await stores.add_store(session, StoreDetails(code, f"Store {code}"))
    manager = await access.create_key(
        session, name="manager", scopes=[Scope.LOYALTY_MANAGE], source=None, reader="manager"
    )
    return keys | {"staff": staff.text, "manager": manager.text}


_KEPT = frozenset({"api_key", "purpose", "source", "store"})


async def clear(database: Database) -> None:
    """Forget everything that was sent, and every store but those of the shop."""
    import_models()
    tables = [table.name for table in Base.metadata.sorted_tables if table.name not in _KEPT]
    async with database.transaction() as session:
        await session.execute(text(f"TRUNCATE {', '.join(tables)} CASCADE"))
        await session.execute(text("DELETE FROM store WHERE code NOT IN ('S001', 'S002')"))


# --- what always holds --------------------------------------------------------------------------

_UNSOUND = """
    SELECT 'record with a client that is retired or not there' AS what, r.id::text AS which
    FROM source_record r LEFT JOIN client c ON c.id = r.client_id AND c.retired_at IS NULL
    WHERE c.id IS NULL
    UNION ALL
    SELECT 'client named after a record that went elsewhere', r.id::text
    FROM source_record r JOIN source_record head ON head.id = r.client_id
    WHERE head.client_id <> head.id
    UNION ALL
    SELECT 'client that is not named after its oldest profile', r.client_id::text
    FROM source_record r WHERE r.kind = 'profile'
    GROUP BY r.client_id HAVING min(r.id::text) <> r.client_id::text
    UNION ALL
    SELECT 'client with a wrong "known"', c.id::text
    FROM client c
    WHERE c.known <> EXISTS (
        SELECT FROM source_record r WHERE r.client_id = c.id AND r.kind = 'profile'
    )
    UNION ALL
    SELECT 'client without records that is not retired', c.id::text
    FROM client c
    WHERE c.retired_at IS NULL
      AND NOT EXISTS (SELECT FROM source_record r WHERE r.client_id = c.id)
    UNION ALL
    SELECT 'key or pair of a record that is not there', derived.record_id::text
    FROM (
        SELECT record_id FROM blocking_key
        UNION SELECT left_id FROM record_pair UNION SELECT right_id FROM record_pair
    ) AS derived (record_id)
    WHERE NOT EXISTS (SELECT FROM source_record r WHERE r.id = derived.record_id)
    UNION ALL
    SELECT 'known without a golden record, or the reverse', coalesce(c.id, g.client_id)::text
    FROM (SELECT id FROM client WHERE known) c
    FULL JOIN golden_record g ON g.client_id = c.id
    WHERE c.id IS NULL OR g.client_id IS NULL
    UNION ALL
    SELECT 'parked message whose ticket is there', p.message_id
    FROM parked_message p JOIN ticket t ON p.waits_for = 'ticket:' || t.ticket_id
    WHERE p.applied_at IS NULL
    UNION ALL
    SELECT 'parked message whose store is there', p.message_id
    FROM parked_message p JOIN store s ON p.waits_for = 'store:' || s.code
    WHERE p.applied_at IS NULL
    UNION ALL
    SELECT 'parked message whose order is there', p.message_id
    FROM parked_message p JOIN sales_order o
      ON p.waits_for = 'order:' || o.order_id AND p.source = o.source
    WHERE p.applied_at IS NULL
    UNION ALL
    SELECT 'receipt without its payload', m.message_id
    FROM inbox_message m LEFT JOIN inbox_payload p USING (source, message_id, received_at)
    WHERE p.message_id IS NULL
    UNION ALL
    SELECT 'total that is not the sum of its tickets',
           coalesce(held.record_id, told.record_id)::text
    FROM (
        SELECT * FROM purchase_total WHERE sales <> 0 OR returns <> 0 OR amount_cents <> 0
    ) held
    FULL JOIN (
        SELECT record_id, channel, coalesce(store, '') AS store, currency,
               count(*) FILTER (WHERE kind = 'sale') AS sales,
               count(*) FILTER (WHERE kind = 'return') AS returns,
               sum(total_cents) AS amount_cents,
               min(sold_at) FILTER (WHERE kind = 'sale') AS first_at,
               max(sold_at) FILTER (WHERE kind = 'sale') AS last_at
        FROM ticket
        WHERE kind <> 'void' AND voided_by IS NULL AND record_id IS NOT NULL
        GROUP BY 1, 2, 3, 4
    ) told USING (record_id, channel, store, currency)
    WHERE (held.sales, held.returns, held.amount_cents, held.first_at, held.last_at)
        IS DISTINCT FROM
          (told.sales, told.returns, told.amount_cents, told.first_at, told.last_at)
    UNION ALL
    SELECT 'posting that does not sum to zero', posting_id::text
    FROM points_entry GROUP BY posting_id HAVING sum(points) <> 0
    UNION ALL
    SELECT 'balance or debt that is not the replay of its entries', a.record_id::text
    FROM points_account a LEFT JOIN (
        SELECT account_id, sum(points) AS balance,
               -coalesce(sum(points) FILTER (WHERE lot_id IS NULL), 0) AS debt
        FROM points_entry GROUP BY 1
    ) replayed ON replayed.account_id = a.record_id
    WHERE (a.balance, a.debt) <> (coalesce(replayed.balance, 0), coalesce(replayed.debt, 0))
    UNION ALL
    SELECT 'lot that is not the replay of its entries', l.id::text
    FROM points_lot l LEFT JOIN (
        SELECT lot_id, sum(points) AS points FROM points_entry GROUP BY 1
    ) replayed ON replayed.lot_id = l.id
    WHERE l.remaining <> coalesce(replayed.points, 0)
    UNION ALL
    SELECT 'held points without their holds', l.id::text
    FROM points_lot l LEFT JOIN (
        SELECT part.lot_id, sum(part.points) AS points
        FROM points_hold_part part JOIN points_hold h ON h.id = part.hold_id
        WHERE h.status = 'open' GROUP BY 1
    ) open_hold ON open_hold.lot_id = l.id
    WHERE l.held <> coalesce(open_hold.points, 0)
"""


async def unsound(session: AsyncSession) -> list[tuple[str, str]]:
    """Return everything that breaks what must hold after every transaction."""
    return [(row.what, row.which) for row in await session.execute(text(_UNSOUND))]


async def assert_sound(database: Database) -> None:
    """Check all that must hold of a database, whatever was sent to it in whatever order."""
    async with database.transaction() as session:
        assert await unsound(session) == []

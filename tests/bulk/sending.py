"""A crowd's profiles as messages, and what a database makes of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from itertools import groupby
from typing import Any

from sqlalchemy import text

from rcu.db.engine import Database
from rcu.identity.model import Model
from rcu.identity.person import Person
from rcu.ingestion.context import Context
from rcu.ingestion.intake import Defaults
from rcu.ingestion.messages import ProfileMessage
from rcu.ingestion.service import receive_all

_SHIPPED = Model.shipped()
Sent = list[tuple[str, ProfileMessage]]


def profile_messages(people: Mapping[str, Person]) -> Sent:
    """Return a profile message for each record of a crowd, with its source."""
    return [
        (key.partition("\x1f")[0], _message(key, number, person))
        for number, (key, person) in enumerate(people.items())
    ]


def _message(key: str, number: int, person: Person) -> ProfileMessage:
    said: dict[str, Any] = {
        "title": person.title,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "birth_name": person.birth_name,
        "birth_date": person.birth_date,
        "emails": [{"value": value, "verified": number % 3 == 0} for value in person.emails],
        "phones": [{"value": value} for value in person.phones],
        "cards": [{"value": value} for value in person.cards],
        "addresses": [
            {"lines": list(a.lines), "postcode": a.postcode, "city": a.city, "country": "FR"}
            for a in person.addresses
        ],
        "identifiers": [{"kind": kind, "value": value} for kind, value in person.identifiers],
    }
    return ProfileMessage.model_validate(
        {
            "message_id": f"m-{number}",
            "external_id": key.partition("\x1f")[2],
            "occurred_at": f"2025-03-01T12:{number // 60 % 60:02d}:{number % 60:02d}Z",
            **{name: value for name, value in said.items() if value},
        }
    )


async def send(database: Database, sent: Sent, *, model: Model = _SHIPPED) -> None:
    """Send profiles along the path of all messages."""
    context = Context(model, Defaults())
    for source, run in groupby(sent, key=lambda one: one[0]):
        messages = [message for _, message in run]
        receipts = await receive_all(database, source=source, messages=messages, context=context)
        assert all(receipt.status < 300 for receipt in receipts)


async def stored_clients(database: Database) -> set[frozenset[str]]:
    """Return the known clients of a database as sets of the keys of their profile records."""
    async with database.read() as connection:
        rows = await connection.execute(
            text("SELECT client_id, source, external_id FROM source_record WHERE kind = 'profile'")
        )
    clients: dict[Hashable, set[str]] = {}
    for client_id, source, external_id in rows:
        clients.setdefault(client_id, set()).add(f"{source}\x1f{external_id}")
    return set(map(frozenset, clients.values()))


async def rows(database: Database, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(statement), values)]

"""What a newcomer is shown: the figures of the demo, and three requests to try."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from rcu.db.engine import Database
from rcu.demo.generator import Sample
from rcu.demo.keys import DemoKeys
from rcu.demo.people import YEAR_END, Person
from rcu.demo.records import LOYALTY
from rcu.ingestion.messages import ProfileMessage

CARRIED: Final = frozenset({"card", "account", "app_scan", "email", "phone"})
"""Evidence by which a ticket itself says who bought."""

_FIGURES = text("""
SELECT (SELECT count(*) FROM source_record WHERE kind = 'profile') AS records,
       (SELECT count(DISTINCT client_id) FROM source_record WHERE kind = 'profile') AS clients,
       count(*) AS tickets,
       count(*) FILTER (WHERE client.known) AS attached,
       (SELECT count(*) FROM parked_message WHERE applied_at IS NULL) AS parked
  FROM ticket
  LEFT JOIN source_record ON source_record.id = ticket.record_id
  LEFT JOIN client ON client.id = source_record.client_id
""")
_CLIENT_OF = text("SELECT source, external_id, client_id FROM source_record WHERE kind = 'profile'")


@dataclass(frozen=True, slots=True)
class Figures:
    """The demo in figures."""

    records: int
    clients: int
    tickets: int
    carried_share: float
    """Of the tickets sent: those that say themselves who bought."""
    attached_share: float
    """Of the tickets kept: those attached to a known client by all that is known now."""
    parked: int


@dataclass(frozen=True, slots=True)
class Star:
    """The client whom the three requests are about."""

    client_id: UUID
    person: Person
    card: str


@dataclass(frozen=True, slots=True)
class Step:
    """One request to try, and what it is for, in French and in English."""

    french: str
    english: str
    command: str


async def count(database: Database, sample: Sample) -> Figures:
    """Return the figures of a loaded demo."""
    async with database.read() as connection:
        found = (await connection.execute(_FIGURES)).one()
    buyers = sample.truth.tickets.values()
    return Figures(
        records=found.records,
        clients=found.clients,
        tickets=found.tickets,
        carried_share=sum(truth.evidence in CARRIED for truth in buyers) / len(buyers),
        attached_share=found.attached / found.tickets if found.tickets else 0.0,
        parked=found.parked,
    )


async def find_star(database: Database, sample: Sample) -> Star | None:
    """Return a client worth showing: many records, several troubles, a telephone of their own."""
    async with database.read() as connection:
        rows = (await connection.execute(_CLIENT_OF)).all()
    clients: defaultdict[str, set[UUID]] = defaultdict(set)
    for source, external_id, client_id in rows:
        if owner := sample.truth.person_of.get((source, external_id)):
            clients[owner].add(client_id)
    cards = _cards(sample)
    for person in _by_interest(sample):
        if person.id in cards and len(clients[person.id]) == 1:
            return Star(next(iter(clients[person.id])), person, cards[person.id])
    return None


def steps(star: Star, keys: DemoKeys, address: str) -> Sequence[Step]:
    """Return three requests, each to be copied to a terminal as it stands."""
    read, send = f"Authorization: Bearer {keys.reader}", f"Authorization: Bearer {keys.till}"
    return (
        Step(
            f"Retrouver {_name(star.person)} par son téléphone",
            "Find a client by phone",
            _post(f"{address}/v1/clients/lookup", read, {"phone": _spaced(star.person.mobile)}),
        ),
        Step(
            "Envoyer un ticket de caisse qui porte sa carte",
            "Post a till ticket that carries her card",
            _post(f"{address}/v1/tickets", send, new_ticket(star)),
        ),
        Step(
            "Voir sa fiche client à 360°",
            "See her 360° view",
            f"curl -s -H '{read}' {address}/v1/clients/{star.client_id}",
        ),
    )


def new_ticket(star: Star) -> dict[str, Any]:
    """Return a ticket for the star to have bought; the same each time: sent twice, kept once."""
    return {
        "message_id": "demo-ticket-1",
        "store": star.person.household.home_on(YEAR_END).town.store,
        "till": "01",
        "number": 9001,
        "sold_at": f"{YEAR_END}T18:45:00+01:00",
        "total_cents": 2490,
        "lines": [{"sku": "BO001", "label": "Bougie figuier", "amount_cents": 2490}],
        "customer": {"card": star.card},
    }


def _by_interest(sample: Sample) -> list[Person]:
    """Return the women of whom most is to be shown, the most interesting first."""
    records: defaultdict[str, int] = defaultdict(int)
    troubles: defaultdict[str, set[str]] = defaultdict(set)
    for key, person_id in sample.truth.person_of.items():
        records[person_id] += 1
        troubles[person_id] |= set(sample.truth.troubles[key])
    showable = [
        person
        for person in sample.truth.people.values()
        if person.woman
        and person.birth_name != person.family_name
        and not person.household.shared_mobile
        and "typo_phone" not in troubles[person.id]
    ]
    return sorted(showable, key=lambda one: (-records[one.id], -len(troubles[one.id]), one.id))


def _cards(sample: Sample) -> dict[str, str]:
    """Return the loyalty card of each person who has one."""
    cards: dict[str, str] = {}
    for source, message in sample.messages:
        if source == LOYALTY and isinstance(message, ProfileMessage) and message.cards:
            cards[sample.truth.person_of[source, message.external_id]] = message.cards[0].value
    return cards


def _post(url: str, authorisation: str, body: dict[str, Any]) -> str:
    sent = json.dumps(body, ensure_ascii=False)
    return f"curl -s -H '{authorisation}' -H 'Content-Type: application/json' -d '{sent}' {url}"


def _name(person: Person) -> str:
    """Return the name of an invented woman, as the French write it."""
    return f"{person.given_name} {person.family_name} (née {person.birth_name})"


def _spaced(number: str) -> str:
    return " ".join(number[i : i + 2] for i in range(0, len(number), 2))

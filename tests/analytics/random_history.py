"""A random history of a retailer: whatever moves a ticket from one client to another, happens.

Told by a seed, through the routes of the service. Refusals are part of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.ingestion.shop import Message, Shop, order_step, profile, sale, typed

REASON = {"reason": "for the test"}


@dataclass(frozen=True)
class Person:
    """Somebody invented, and what the sources may come to know."""

    given_name: str
    family_name: str
    birth_date: str
    card: str
    email: str
    token: str


PEOPLE = (
    Person("Odile", "Vasseur", "1971-05-04", "ABC-1234", "odile.v@mail.example", "par_tok_1"),
    Person("Basile", "Kermadec", "1990-10-30", "ABC-2345", "basile.k@mail.example", "par_tok_2"),
    Person("Agathe", "Puech", "1984-02-07", "ABC-3456", "agathe.p@mail.example", "par_tok_3"),
    # A couple with one card account.
    Person("Firmin", "Aubrac", "1962-12-01", "ABC-4567", "firmin.a@mail.example", "par_tok_4"),
    Person("Solange", "Aubrac", "1965-03-21", "ABC-5678", "solange.a@mail.example", "par_tok_4"),
)


@dataclass
class History:
    """What was sent so far, and the dice."""

    shop: Shop
    dice: Random
    tickets: list[Message] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)

    async def happen(self, steps: int) -> None:
        """Let so many things happen, one after another."""
        things: list[tuple[int, Callable[[], Awaitable[object]]]] = [
            (30, self._sell),
            (16, self._learn),
            (8, self._bring_back),
            (3, self._cancel),
            (6, self._order),
            (5, self._claim),
            (6, self._steward),
            (5, self._merge),
            (4, self._split),
            (4, self._undo),
            (4, self._send_batch),
        ]
        weights = [weight for weight, _ in things]
        for _ in range(steps):
            [(_, thing)] = self.dice.choices(things, weights)
            await thing()

    def sold(self) -> Message:
        """Return a sale by somebody who tells more or less of who they are."""
        person = self.dice.choice(PEOPLE)
        customer: dict[str, Any] = {}
        if self.dice.random() < 0.2:
            customer["card"] = self.dice.choice((person.card, person.card + "9", "0000"))
        if self.dice.random() < 0.2:
            customer["email"] = self.dice.choice((person.email, "nobody@mail.example"))
        if self.dice.random() < 0.1:
            customer["external_id"] = f"P-{person.given_name}"
        at = datetime.now(UTC) - timedelta(days=self.dice.choice((0, 1, 20, 45)), hours=1)
        message = sale(
            token=person.token if self.dice.random() < 0.7 else None,
            customer=customer or None,
            sold_at=at.isoformat(),
            total_cents=self.dice.randrange(100, 9900),
            store=self.dice.choice(("S001", "S002")),
            cashier=self.dice.choice((None, "C1", "C2")),
            lines=[
                {"sku": f"SKU{number}", "amount_cents": 100 + number}
                for number in range(self.dice.randrange(3))
            ],
        )
        message = {name: value for name, value in message.items() if value is not None}
        message["business_date"] = at.date().isoformat()
        message["ticket_id"] = message["message_id"].replace("m-", "T-")
        if self.orders and self.dice.random() < 0.2:
            message["order_id"] = self.dice.choice(self.orders)
        self.tickets.append(message)
        return message

    def said(self) -> Message:
        """Return a profile, of more or less of somebody."""
        person = self.dice.choice(PEOPLE)
        known: dict[str, Any] = {
            "given_name": person.given_name,
            "family_name": person.family_name,
            "birth_date": person.birth_date,
            "emails": [person.email],
            "cards": [person.card],
        }
        dropped = self.dice.sample(sorted(known), self.dice.randrange(4))
        told = {name: value for name, value in known.items() if name not in dropped}
        external_id = f"P-{person.given_name}{self.dice.choice(('', '', '-2'))}"
        return profile(external_id, minute=self.dice.randrange(600), **told)

    async def _sell(self) -> None:
        await self.shop.send("pos", "ticket", self.sold())

    async def _learn(self) -> None:
        await self.shop.send(self.dice.choice(("pos", "pos", "eshop")), "profile", self.said())

    async def _send_batch(self) -> None:
        messages = [typed("ticket", self.sold()) for _ in range(3)]
        messages.append(typed("profile", self.said()))
        self.dice.shuffle(messages)
        await self.shop.batch("pos", messages)

    async def _bring_back(self) -> None:
        if not self.tickets:
            return
        reference = {"ticket_id": self.dice.choice(self.tickets)["ticket_id"]}
        message = self.sold() | {"kind": "return", "total_cents": -50, "original": reference}
        message.pop("lines", None)
        await self.shop.send("pos", "ticket", message)

    async def _cancel(self) -> None:
        if not self.tickets:
            return
        reference = {"ticket_id": self.dice.choice(self.tickets)["ticket_id"]}
        void = self.sold() | {"kind": "void", "total_cents": 0, "original": reference}
        self.tickets.pop()
        await self.shop.send("pos", "ticket", void)

    async def _order(self) -> None:
        order_id = f"O{len(self.orders)}"
        # Tickets may name it before it is placed.
        self.orders.append(f"O{len(self.orders) + 1}")
        person = self.dice.choice(PEOPLE)
        customer = self.dice.choice(
            ({"external_id": f"P-{person.given_name}"}, {"email": person.email}, None)
        )
        said: dict[str, Any] = {} if customer is None else {"customer": customer}
        await self.shop.send("eshop", "order", order_step(order_id, "placed", **said))

    async def _claim(self) -> None:
        if not self.tickets:
            return
        ticket = self.dice.choice(self.tickets[-10:])
        asked = {name: ticket[name] for name in ("store", "till", "number", "business_date")}
        asked |= {"external_id": f"P-{self.dice.choice(PEOPLE).given_name}"}
        asked |= {"total_cents": max(ticket["total_cents"], 0)}
        await self.shop.call("POST", "tickets/claim", asked, who="pos")

    async def _steward(self) -> None:
        ids = await self._ids("SELECT id FROM ticket WHERE kind <> 'void'")
        clients = await self._ids("SELECT id FROM client WHERE known")
        if not ids or not clients:
            return
        path = f"tickets/{self.dice.choice(ids)}"
        verb = self.dice.choice(("attach", "detach", "restore", "restore"))
        said = {"client_id": self.dice.choice(clients)} if verb == "attach" else {}
        await self.shop.call("POST", f"{path}/{verb}", said | REASON)

    async def _merge(self) -> None:
        clients = await self._ids("SELECT id FROM client WHERE known")
        if len(clients) > 1:
            await self.shop.merge(*self.dice.sample(clients, 2))

    async def _split(self) -> None:
        records = await self.shop.rows(
            "SELECT source, external_id, client_id FROM source_record WHERE kind = 'profile' "
            "ORDER BY source, external_id"
        )
        if records:
            source, external_id, client_id = self.dice.choice(records)
            await self.shop.split(str(client_id), [(source, external_id)])

    async def _undo(self) -> None:
        made = await self._ids("SELECT id FROM decision UNION ALL SELECT id FROM identity_change")
        if made:
            path = f"identity-changes/{self.dice.choice(made)}/undo"
            await self.shop.call("POST", path, REASON)

    async def _ids(self, statement: str) -> list[str]:
        return [str(row[0]) for row in await self.shop.rows(f"{statement} ORDER BY 1")]


async def make_history(shop: Shop, seed: int, *, steps: int = 120) -> History:
    """Let a random history happen, and return it."""
    history = History(shop, Random(seed))  # noqa: S311 - dice, not secrets
    await history.happen(steps)
    return history

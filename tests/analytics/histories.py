"""Random histories of a retailer: whoever buys, opens an account, is merged, parted, corrected.

Few people, cards, e-mails and means of payment, so that everything meets everything else. What is
refused (a ticket claimed twice, a merge of one client with itself) is part of life.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.ingestion.shop import (
    Message,
    Shop,
    bring_back,
    cancel,
    order_step,
    profile,
    sale,
    typed,
)

NOW = datetime.now(UTC)
NAMES = ("Odile", "Basile", "Ursule", "Anatole", "Clotilde")
CARDS = ("ABC-1001", "ABC-1002", "ABC-1003")
EMAILS = tuple(f"{name.lower()}.v@mail.example" for name in NAMES[:4])
TOKENS = tuple(f"par_token_{number}" for number in range(5))
MISTYPED = "2900010053786"

Step = Callable[[], Coroutine[Any, Any, None]]


class History:
    """A history, made step by step by the dice of one seed."""

    def __init__(self, shop: Shop, seed: int, *, hours: int = 60) -> None:
        """Begin with an empty shop, whose sales are of the last so many hours."""
        self.shop = shop
        self.hours = hours
        self.dice = Random(seed)  # noqa: S311 - a history, not a secret
        self.sold: list[Message] = []
        self.ids: list[str] = []
        self.changes: list[str] = []
        self.orders = 0

    async def go(self, steps: int) -> None:
        """Let as many things happen."""
        likely: list[tuple[Step, int]] = [
            (self.sell, 10),
            (self.tell_profile, 6),
            (self.take_back, 2),
            (self.void, 1),
            (self.order, 2),
            (self.claim, 1),
            (self.correct, 2),
            (self.merge, 2),
            (self.split, 1),
            (self.undo, 2),
            (self.send_batch, 1),
        ]
        for _ in range(steps):
            [step] = self.dice.choices(*zip(*likely, strict=True))
            await step()

    async def sell(self) -> None:
        """Sell something, to somebody who says more or less of themselves."""
        await self._post(self._sale(), "pos")

    def _sale(self) -> Message:
        dice = self.dice
        message = sale(
            store=dice.choice(["S001", "S002"]),
            till=dice.choice(["01", "02"]),
            cashier=dice.choice(["C1", "C2", None]),
            sold_at=(NOW - timedelta(hours=dice.randrange(self.hours))).isoformat(),
            total_cents=dice.randrange(100, 9000),
            currency=dice.choice(["EUR", "EUR", "EUR", "CHF"]),
            token=dice.choice([*TOKENS, None, None]),
            customer=self._shown(),
            lines=[{"sku": f"SKU{n}", "amount_cents": 100 + n} for n in range(dice.randrange(3))],
        )
        if dice.random() < 0.2:
            message["order_id"] = f"O{dice.randrange(3)}"
        return {key: value for key, value in message.items() if value is not None}

    def _shown(self) -> dict[str, str] | None:
        dice = self.dice
        return dice.choice(
            [
                None,
                None,
                {"card": dice.choice(CARDS)},
                {"email": dice.choice(EMAILS)},
                {"external_id": f"P{dice.randrange(4)}"},
                {"card": MISTYPED},
                {"email": "client@mail.example"},
                {"email": "nobody.known@mail.example"},
            ]
        )

    async def _post(self, message: Message, source: str) -> None:
        response = await self.shop.send(source, "ticket", message)
        assert response.status_code < 300, response.text
        if message.get("kind") is None and response.json()["outcome"] == "recorded":
            day = message["sold_at"][:10].replace("-", "")
            self.sold.append(message | {"day": day})

    async def send_batch(self) -> None:
        """Send sales and a profile at once: what they change, they change in one transaction."""
        messages = [typed("ticket", self._sale()) for _ in range(3)]
        messages.append(typed("profile", self._profile("pos")))
        self.dice.shuffle(messages)
        await self.shop.batch("pos", messages)

    async def tell_profile(self) -> None:
        """Tell a profile: a new account, or more of one."""
        source = self.dice.choice(["pos", "eshop", "app"])
        await self.shop.accept(source, "profile", self._profile(source))

    def _profile(self, source: str) -> Message:
        dice = self.dice
        who = dice.randrange(4)
        said: dict[str, Any] = {"given_name": NAMES[who], "family_name": "Vasseur"}
        if dice.random() < 0.6:
            said["emails"] = [dice.choice([EMAILS[who], EMAILS[0]])]
        if dice.random() < 0.5:
            said["cards"] = [CARDS[who % 3]]
        if dice.random() < 0.6:
            said["birth_date"] = f"197{who}-05-04"
        return profile(f"{source[0].upper()}{who}", **said)

    async def take_back(self) -> None:
        """Bring something back."""
        if self.sold:
            back = bring_back(await self._some_sale(), source="pos", sold_at=NOW.isoformat())
            await self._post(back, "pos")

    async def void(self) -> None:
        """Cancel a sale."""
        if self.sold:
            response = await self.shop.send("pos", "ticket", cancel(await self._some_sale()))
            assert response.status_code < 300, response.text

    async def _some_sale(self) -> Message:
        message = self.dice.choice(self.sold)
        known = await self.shop.scalar(
            "SELECT ticket_id FROM ticket WHERE message_id = :sent", sent=message["message_id"]
        )
        return message | {"ticket_id": known}

    async def order(self) -> None:
        """Tell an order that tickets may have named before."""
        name = f"O{self.dice.randrange(3)}"
        customer = {"external_id": f"E{self.dice.randrange(4)}"}
        await self.shop.send("eshop", "order", order_step(name, "placed", customer=customer))

    async def claim(self) -> None:
        """Claim a ticket by its receipt."""
        if not self.sold:
            return
        message = self.dice.choice(self.sold)
        found = await self.shop.rows(
            "SELECT business_date FROM ticket WHERE message_id = :sent", sent=message["message_id"]
        )
        printed = {name: message[name] for name in ("store", "till", "number", "total_cents")}
        body = {"external_id": f"A{self.dice.randrange(4)}"} | printed
        body["business_date"] = found[0][0].isoformat()
        await self.shop.call("POST", "tickets/claim", body, who="app")

    async def correct(self) -> None:
        """Attach, detach or restore a ticket, as a steward."""
        rows = await self.shop.rows("SELECT id FROM ticket WHERE kind <> 'void' ORDER BY id")
        clients = await self._clients()
        if not rows or not clients:
            return
        deed = self.dice.choice(["attach", "detach", "restore"])
        body = {"reason": "asked"}
        if deed == "attach":
            body["client_id"] = self.dice.choice(clients)
        await self.shop.call("POST", f"tickets/{self.dice.choice(rows)[0]}/{deed}", body)

    async def _clients(self) -> list[str]:
        rows = await self.shop.rows("SELECT id FROM client WHERE known ORDER BY id")
        return [str(row[0]) for row in rows]

    async def merge(self) -> None:
        """Merge two clients."""
        clients = await self._clients()
        if len(clients) > 1:
            response = await self.shop.merge(*self.dice.sample(clients, 2))
            self._remember(response.json())

    async def split(self) -> None:
        """Split a record off its client."""
        rows = await self.shop.rows(
            "SELECT r.client_id, r.source, r.external_id FROM source_record r "
            "WHERE r.kind = 'profile' ORDER BY r.id"
        )
        if rows:
            client, source, external_id = self.dice.choice(rows)
            self._remember((await self.shop.split(str(client), [(source, external_id)])).json())

    def _remember(self, answer: Any) -> None:
        if "decision_id" in answer:
            self.changes.append(answer["decision_id"])

    async def undo(self) -> None:
        """Undo a decision."""
        if self.changes:
            path = f"identity-changes/{self.dice.choice(self.changes)}/undo"
            await self.shop.call("POST", path, {"reason": "error"})

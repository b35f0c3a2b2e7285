"""A small town whose households share what households share, and all that its shops hear of them.

Some two thousand messages: profiles with the noise of real files, their corrections, tickets,
returns, orders, events and consents. People are invented; the same seed makes the same messages.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rcu.ingestion.messages import (
    ConsentMessage,
    EventMessage,
    Message,
    OrderMessage,
    ProfileMessage,
    TicketMessage,
)
from tests.ingestion.shop import at_minute

Sent = tuple[str, Message]
"""A source and what it sends."""

WOMEN = (
    "Odile", "Capucine", "Domitille", "Fantine", "Anne-Marie", "Éléonore", "Gwenaëlle", "Salomé",
    "Marie-Claude", "Philippine", "Ysée", "Bérengère",
)  # fmt: skip
MEN = (
    "Basile", "Eustache", "Marcel", "Jean-Pierre", "Théodule", "Gaspard", "Léopold", "Anselme",
    "Jean-Baptiste", "Côme", "Hippolyte", "Élouan",
)  # fmt: skip
FAMILIES = (
    "Vasseur", "Puech", "Le Goff", "de Kerdaniel", "Marchandeau", "Tixidre", "Roumégoux",
    "Bellanger-Costes", "Quéméneur", "Ségalou", "Lhermitte", "Pouydebat",
)  # fmt: skip
SHORT = {"Capucine": "Capu", "Jean-Pierre": "J.-P.", "Anne-Marie": "A. M.", "Gaspard": "G."}
SOURCES = ("pos", "eshop", "app", "loyalty")
CALL_CENTRE = "0320990011"
SHOP_MAIL = "accueil@boutique-lilas.example"
TABLET = "tablette-du-magasin"
MONTHS = 12


@dataclass(slots=True)
class Resident:
    """One person as they truly are, and the accounts that shops keep of them."""

    woman: bool
    given: str
    family: str
    birth_name: str
    born: str
    mobile: str
    email: str
    card: str
    token: str
    home: dict[str, Any]
    landline: str
    family_email: str
    family_token: str
    accounts: list[tuple[str, str]] = field(default_factory=list)


class Town:
    """The town, drawn from a seed."""

    def __init__(self, seed: int, messages: int) -> None:
        """Invent households until they have made so many messages, or a few more."""
        self.dice = random.Random(seed)  # noqa: S311 - no secret
        self._whims = random.Random(seed)  # noqa: S311 - no secret
        self.sent: list[Sent] = []
        self.residents: list[Resident] = []
        self._tickets: list[tuple[str, str]] = []
        self._numbers = 0
        while len(self.sent) < messages:
            self._settle_household()

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _happens(self, chance: float) -> bool:
        return self.dice.random() < chance

    # --- people -----------------------------------------------------------------------------------

    def _settle_household(self) -> None:
        dice = self.dice
        n, family = self._number(), dice.choice(FAMILIES)
        street = dice.choice(["rue des Lilas", "avenue Foch", "impasse du Moulin"])
        home = {
            "lines": [f"{dice.randrange(1, 60)} {street}"],
            "postcode": dice.choice(["59000", "35000", "44000"]),
        }
        landline, email = f"03209901{n % 100:02d}", f"famille.{family[:4]}{n}@poste.example".lower()
        joint = f"par_joint_{n}"
        people: list[Resident] = []
        for rank in range(dice.choice([1, 2, 2, 3, 4])):
            woman = rank == 1 or (rank != 0 and self._happens(0.5))
            given = dice.choice(WOMEN if woman else MEN)
            month, day = dice.randrange(1, 13), dice.randrange(1, 29)
            born = f"19{dice.randrange(40, 99)}-{month:02d}-{day:02d}"
            if rank == 2 and self._happens(0.3):  # father and son of one name
                woman, given = people[0].woman, people[0].given
            if rank == 3 and self._happens(0.5):  # twins
                born = people[2].born
            own = f"{given[:5]}.{family[:6]}.{n}".lower().replace(" ", "")
            people.append(
                Resident(
                    woman=woman,
                    given=given,
                    family=family,
                    birth_name=dice.choice(FAMILIES) if rank == 1 else family,
                    born=born,
                    mobile=f"0639{dice.randrange(980000, 990000)}",
                    email=own.encode("ascii", "ignore").decode() + f"{rank}@gmail.com",
                    card=f"CARTE-{n:04d}{rank}{dice.randrange(100):02d}",
                    token=joint if rank < 2 and n % 3 == 0 else f"par_{n}_{rank}",
                    home=home,
                    landline=landline,
                    family_email=email,
                    family_token=joint,
                )
            )
        for one in people:
            self._open_accounts(one, people)
        for one in people:
            for _ in range(dice.randrange(0, 5)):
                self._buy(one, people)
            if self._whims.random() < 0.4:
                self._consent(one)
        self.residents += people

    # --- profiles ---------------------------------------------------------------------------------

    def _open_accounts(self, one: Resident, household: Sequence[Resident]) -> None:
        for source in self.dice.sample(SOURCES, self.dice.randrange(1, 4)):
            external_id = f"{source[0].upper()}{self._number()}"
            one.accounts.append((source, external_id))
            said = self._describe(one, household)
            self._profile(source, external_id, 0, said)
            for minute, change in enumerate(self._changes(one, said), start=1):
                # Two statements of one instant are told apart by their message ids.
                self._profile(source, external_id, minute // 2, change)

    def _describe(self, one: Resident, household: Sequence[Resident]) -> dict[str, Any]:
        """Return what one account says: some of all that could be said of the person."""
        moved = {"lines": ["3 quai Neuf"], "postcode": "59000"}
        could: list[tuple[float, str, Any]] = [
            (0.5, "title", "Mme" if one.woman else "M."),
            (0.6, "birth_date", self._written_date(one)),
            (0.7, "emails", self._values(self._written_email(one))),
            (0.6, "phones", self._values(self._written_phone(one, household))),
            (0.4, "cards", self._values(self._written_card(one, household))),
            (0.5, "addresses", [moved if self._happens(0.15) else one.home]),
            (0.08, "identifiers", [{"kind": "device", "value": TABLET}]),
            (0.1, "identifiers", [{"kind": "app_user", "value": f"u-{one.mobile}"}]),
            (0.2, "language", self.dice.choice(["fr", "en"])),
        ]
        told = {name: value for chance, name, value in could if self._happens(chance)}
        return self._written_names(one) | told

    def _written_names(self, one: Resident) -> dict[str, Any]:
        given, family = one.given, one.family
        if self._happens(0.2):
            given = SHORT.get(given, given.split("-")[0])
        if self._happens(0.3):
            family = one.birth_name
        if self._happens(0.1):
            family = family.upper().replace("E", "É", 1)
        if self._happens(0.08):
            given, family = family, given
        if self._happens(0.05):
            return {"family_name": family}
        return {"given_name": given, "family_name": family}

    def _values(self, *values: str) -> list[dict[str, Any]]:
        return [{"value": value, "verified": self._happens(0.3)} for value in values]

    def _written_date(self, one: Resident) -> str:
        year, month, day = one.born.split("-")
        swapped = f"{year}-{day}-{month}" if int(day) <= MONTHS else one.born
        return self.dice.choice([*[one.born] * 6, swapped, "1900-01-01"])

    def _written_email(self, one: Resident) -> str:
        name, _, domain = one.email.partition("@")
        return self.dice.choice(
            [
                one.email, one.email, one.email, one.family_email, one.family_email,
                f"{name.replace('.', '')}+promo@{domain}",
                f"{name[:-1]}x@{domain}",
                one.email.upper(),
                f"{name}\u200b@{domain}",
                one.email.replace("a", "\u0430", 1),
                "client@magasin.fr",
                SHOP_MAIL,
            ]
        )  # fmt: skip

    def _written_phone(self, one: Resident, household: Sequence[Resident]) -> str:
        return self.dice.choice(
            [
                one.mobile, one.mobile, one.mobile, one.landline, household[0].mobile,
                "+33 6 " + one.mobile[2:], "0600000000", CALL_CENTRE,
                self.dice.choice(self.residents).mobile if self.residents else one.mobile,
            ]
        )  # fmt: skip

    def _written_card(self, one: Resident, household: Sequence[Resident]) -> str:
        wrong = f"{one.card[:-1]}{(int(one.card[-1]) + 1) % 10}"
        return self.dice.choice([one.card, one.card, one.card, household[0].card, wrong])

    def _changes(self, one: Resident, said: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if self._happens(0.15):
            yield {"emails": []}
        if self._happens(0.1):
            yield {"phones": self._values(one.mobile)}
        if self._happens(0.1):  # corrected, and back
            yield {"given_name": "Zébulon", "birth_date": "1901-02-03"}
            yield {name: said.get(name) for name in ("given_name", "birth_date")}
        if self._happens(0.1):
            yield {"emails": self._values(one.email), "cards": []}
        if self._happens(0.1):
            yield {"family_name": one.birth_name, "title": None}

    def _profile(self, source: str, external_id: str, minute: int, said: dict[str, Any]) -> None:
        head = {"external_id": external_id, "occurred_at": at_minute(minute)}
        self._send(source, ProfileMessage, head | said)

    # --- facts ------------------------------------------------------------------------------------

    def _buy(self, one: Resident, household: Sequence[Resident]) -> None:
        source = self.dice.choice(["pos", "pos", "eshop"])
        what = self.dice.choices(["reference", "order", "event", "ticket"], weights=[12, 8, 8, 72])[
            0
        ]
        if what == "reference" and self._tickets:
            self._refer(one)
        elif what == "order":
            self._order(one)
        elif what == "event":
            customer = self._customer(one, household) or {"device": TABLET}
            said = {"name": "page.viewed", "occurred_at": at_minute(0), "customer": customer}
            self._send("app", EventMessage, said)
        else:
            self._ticket(source, customer=self._customer(one, household), token=self._token(one))

    def _token(self, one: Resident) -> str | None:
        return self.dice.choice([None, one.token, one.token, one.family_token])

    def _customer(self, one: Resident, household: Sequence[Resident]) -> dict[str, Any] | None:
        known = [held for source, held in one.accounts if source == "pos"]
        return self.dice.choice(
            [
                None,
                None,
                {"card": one.card},
                {"card": household[0].card, "given_name": one.given},
                {"email": one.email},
                {"email": one.family_email, "given_name": one.given},
                {"email": SHOP_MAIL},
                {"phone": one.mobile, "email": one.email},
                {"phone": one.landline},
                {"phone": CALL_CENTRE, "device": TABLET},
                {"device": TABLET},
                {"device": f"dev-{one.mobile}"},
                {"app_user": f"u-{one.mobile}", "device": f"dev-{one.mobile}"},
                {"external_id": known[0] if known else f"unknown-{one.card}"},
            ]
        )

    def _ticket(
        self,
        source: str,
        *,
        customer: dict[str, Any] | None = None,
        token: str | None = None,
        **said: Any,
    ) -> None:
        ticket_id = f"T{self._number()}"
        message = {
            "ticket_id": ticket_id,
            "store": "S001",
            "till": "01",
            "number": self._numbers,
            "sold_at": at_minute(self.dice.randrange(60)),
            "total_cents": 1000,
        } | said
        if customer is not None:
            message["customer"] = customer
        if token is not None:
            message["payments"] = [{"payment_token": token}]
        self._send(source, TicketMessage, message)
        if message.get("kind", "sale") == "sale":
            self._tickets.append((source, ticket_id))

    def _refer(self, one: Resident) -> None:
        source, original = self._tickets.pop(self.dice.randrange(len(self._tickets)))
        said: dict[str, Any] = {"original": {"ticket_id": original, "source": source}}
        if self._happens(0.5):
            said |= {"kind": "return", "total_cents": -400}
            self._ticket(source, token=self._token(one), **said)
        else:
            self._ticket(source, kind="void", total_cents=0, **said)

    def _order(self, one: Resident) -> None:
        order_id = f"O{self._number()}"
        said: dict[str, Any] = {"order_id": order_id, "occurred_at": at_minute(0)}
        placed = {"status": "placed", "currency": "EUR", "total_cents": 1000}
        self._send("eshop", OrderMessage, said | placed | {"customer": {"email": one.email}})
        later = {"status": "shipped", "occurred_at": at_minute(9)}
        self._send("eshop", OrderMessage, said | later)
        if self._happens(0.6):
            self._ticket("eshop", customer={"email": one.email}, order_id=order_id)

    def _consent(self, one: Resident) -> None:
        """Say this and that of the newsletter, often of one moment, under several names."""
        whims = self._whims
        for _ in range(whims.randrange(1, 4)):
            source, held = whims.choice(one.accounts)
            customer = whims.choice(
                [{"external_id": held}, {"email": one.email}, {"phone": one.mobile}]
            )
            said = {
                "purpose": whims.choice(["newsletter", "marketing"]),
                "status": whims.choice(["granted", "granted", "denied", "withdrawn"]),
                "occurred_at": at_minute(whims.randrange(3)),
                "how": "form",
                "customer": customer,
            }
            self._send(source, ConsentMessage, said)

    def _send(self, source: str, model: type[Message], said: dict[str, Any]) -> None:
        self.sent.append(
            (source, model.model_validate({"message_id": f"m{self._number()}"} | said))
        )


def shuffled(sent: Sequence[Sent], seed: int, *, duplicates: float = 0.3) -> list[Sent]:
    """Return the messages in another order, some of them a second time."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    mixed = [*sent, *dice.sample(list(sent), int(len(sent) * duplicates))]
    dice.shuffle(mixed)
    return mixed

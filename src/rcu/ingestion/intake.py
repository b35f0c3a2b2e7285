"""A message as it came in: its source, its content, and what it says in the domains' terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from rcu.access.models import SourceKind
from rcu.consent.recording import NewConsent, NewStatement
from rcu.identity.braking import DEFAULT_LIMITS, BrakeLimits
from rcu.identity.normalise.cards import CardCheck, check_card, normalise_card
from rcu.identity.person import Person
from rcu.identity.presentation import Presentation, Presented, present
from rcu.identity.registers import ProfileStatement
from rcu.ingestion.choices import ConsentChoice
from rcu.ingestion.messages import (
    Channel,
    ConsentMessage,
    CustomerIdentifiers,
    EventMessage,
    Message,
    MessageType,
    OrderMessage,
    Payment,
    ProfileMessage,
    TicketMessage,
    TicketReference,
)
from rcu.moments import utc_moment
from rcu.sales.facts import NewEvent, NewOrder, NewTicket, TicketRef

CHANNEL_OF_SOURCE: Mapping[str, Channel] = {
    SourceKind.POS: Channel.STORE,
    SourceKind.ECOMMERCE: Channel.WEB,
    SourceKind.APP: Channel.APP,
    SourceKind.LOYALTY: Channel.LOYALTY,
    SourceKind.CALL_CENTRE: Channel.PHONE,
    SourceKind.OTHER: Channel.OTHER,
}

TYPE_OF: Mapping[type[Message], MessageType] = {
    ProfileMessage: MessageType.PROFILE,
    TicketMessage: MessageType.TICKET,
    OrderMessage: MessageType.ORDER,
    EventMessage: MessageType.EVENT,
    ConsentMessage: MessageType.CONSENT,
}

_STATED_OF_ORDERS = (
    "currency",
    "total_cents",
    "lines",
    "payments",
    "store",
    "fulfilment",
    "sellers",
)
_NOT_STATED = frozenset({"message_id", "external_id", "occurred_at", "consents"})


@dataclass(frozen=True, slots=True)
class Defaults:
    """What fills in for what messages leave out."""

    region: str = "FR"
    """ISO 3166 code of the country whose phone numbers are written without one."""
    timezone: str = "Europe/Paris"
    """Business day of the sales that name no store."""
    brake: BrakeLimits = DEFAULT_LIMITS
    """How much one identifier or source may merge before it is stopped."""


@dataclass(slots=True)
class Intake:
    """One message of one source."""

    source: str
    source_kind: str
    message: Message
    is_replay: bool = False
    """Whether it was parked before: its receipt stands already."""
    key: tuple[str, str] = field(init=False)
    """What the inbox knows it by: source and message id."""
    _payload: dict[str, Any] | None = field(default=None, init=False, repr=False)
    _digest: bytes | None = field(default=None, init=False, repr=False)
    """Made when they are first asked for."""

    def __post_init__(self) -> None:
        """Make the key, which is asked for a dozen times."""
        self.key = self.source, self.message.message_id

    @property
    def message_id(self) -> str:
        """The sender's id of the message."""
        return self.message.message_id

    @property
    def type(self) -> MessageType:
        """What the message is about."""
        return TYPE_OF[type(self.message)]

    @property
    def payload(self) -> dict[str, Any]:
        """The message as received: what was left out is left out."""
        if self._payload is None:
            self._payload = _payload_of(self.message)
        return self._payload

    @property
    def digest(self) -> bytes:
        """SHA-256 of the payload in canonical form: the order of its fields does not matter."""
        if self._digest is None:
            self._digest = digest(self.payload)
        return self._digest

    @property
    def channel(self) -> str:
        """The channel that the message names, or that of its source."""
        named = getattr(self.message, "channel", None)
        return str(named or CHANNEL_OF_SOURCE[self.source_kind])


def digest(payload: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of a JSON object, whatever the order of its members."""
    return sha256(orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)).digest()


def digest_of(message: Message) -> bytes:
    """Return the digest that the intake of a message has."""
    return digest(_payload_of(message))


def _payload_of(message: Message) -> dict[str, Any]:
    return message.model_dump(mode="json", exclude_unset=True)


def statement_of(intake: Intake, message: ProfileMessage) -> ProfileStatement:
    """Return what a profile message states of its record."""
    return ProfileStatement(
        source=intake.source,
        external_id=message.external_id,
        values={k: v for k, v in intake.payload.items() if k not in _NOT_STATED},
        occurred_at=utc_moment(intake.payload["occurred_at"]),
        message_id=message.message_id,
    )


def ticket_of(
    intake: Intake,
    message: TicketMessage,
    *,
    timezones: Mapping[str, str],
    defaults: Defaults,
) -> NewTicket:
    """Return the ticket of a message, with what it leaves out filled in."""
    zone = timezones.get(message.store or "", defaults.timezone)
    business_date = message.business_date or _day(message.sold_at, zone)
    payload = intake.payload
    presentation = _presentation(intake, message.customer, message.payments, defaults)
    return NewTicket(
        source=intake.source,
        message_id=message.message_id,
        digest=digest({name: value for name, value in payload.items() if name != "message_id"}),
        ticket_id=message.ticket_id
        or f"{message.store}-{message.till}-{business_date:%Y%m%d}-{message.number}",
        kind=message.kind,
        store=message.store,
        till=message.till,
        number=message.number,
        business_date=business_date,
        sold_at=message.sold_at,
        channel=intake.channel,
        currency=message.currency,
        total_cents=message.total_cents,
        lines=payload.get("lines", []),
        payments=payload.get("payments", []),
        cashier=message.cashier,
        order_id=message.order_id,
        fulfilment=message.fulfilment,
        original=_reference(message.original),
        presented=payload.get("customer"),
        presentation=presentation,
        unusable=_unusable(message.customer, presentation),
        sellers=payload.get("sellers") or [],
    )


def _unusable(
    customer: CustomerIdentifiers | None, presentation: Presentation | None
) -> str | None:
    """Say what is wrong with what a sale carried to name a person, when none of it can be used."""
    if customer is None or (presentation is not None and presentation.names_a_person):
        return None
    if not (customer.card or customer.email or customer.phone or customer.app_user):
        return None
    number = normalise_card(customer.card) if customer.card else None
    if number is not None and check_card(number) is CardCheck.SUSPICIOUS:
        return "mistyped"
    return "unreadable"


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def _reference(ref: TicketReference | None) -> TicketRef | None:
    if ref is None:
        return None
    printed = None
    if ref.store and ref.till and ref.business_date and ref.number is not None:
        printed = (ref.store, ref.till, ref.business_date, ref.number)
    return TicketRef(ref.source, ref.ticket_id, printed)


def order_of(intake: Intake, message: OrderMessage, *, defaults: Defaults) -> NewOrder:
    """Return the step of an order that a message tells."""
    stated: dict[str, Any] = {
        name: intake.payload[name] for name in _STATED_OF_ORDERS if name in intake.payload
    }
    return NewOrder(
        source=intake.source,
        message_id=message.message_id,
        order_id=message.order_id,
        status=message.status,
        occurred_at=message.occurred_at,
        channel=intake.channel,
        stated=stated,
        presentation=_presentation(intake, message.customer, message.payments or [], defaults),
    )


def event_of(intake: Intake, message: EventMessage, *, defaults: Defaults) -> NewEvent:
    """Return the event that a message tells."""
    return NewEvent(
        source=intake.source,
        message_id=message.message_id,
        name=message.name,
        occurred_at=message.occurred_at,
        channel=intake.channel,
        properties=message.properties,
        presentation=_presentation(intake, message.customer, [], defaults),
    )


def consent_of(intake: Intake, message: ConsentMessage, *, defaults: Defaults) -> NewConsent | None:
    """Return the consent of a message; None when what it carries designates nobody."""
    presentation = _presentation(intake, message.customer, [], defaults)
    if presentation is None:
        return None
    return NewConsent(
        _statement(intake, 0, message, message.how, message.occurred_at), presentation
    )


def consents_of(intake: Intake, message: ProfileMessage) -> list[NewStatement]:
    """Return what a person said of purposes with a profile."""
    return [
        _statement(intake, number, consent, consent.how, consent.occurred_at or message.occurred_at)
        for number, consent in enumerate(message.consents)
    ]


def _statement(
    intake: Intake, number: int, said: ConsentChoice, how: str, occurred_at: datetime
) -> NewStatement:
    return NewStatement(
        source=intake.source,
        message_id=intake.message_id,
        number=number,
        purpose=said.purpose,
        channel=said.channel,
        status=said.status,
        occurred_at=occurred_at.astimezone(UTC),
        how=how,
        wording=said.wording,
        store=said.store,
        actor=said.actor,
    )


def _presentation(
    intake: Intake,
    customer: CustomerIdentifiers | None,
    payments: list[Payment],
    defaults: Defaults,
) -> Presentation | None:
    """Return what a fact carries to tell whose it is; None when it carries nothing."""
    tokens = [("payment_token", p.payment_token) for p in payments if p.payment_token]
    if customer is None:
        if not tokens:
            return None
        customer = CustomerIdentifiers()
    kinds = (("app_user", customer.app_user), ("device", customer.device))
    person = Person(
        given_name=customer.given_name,
        family_name=customer.family_name,
        emails=(customer.email,) if customer.email else (),
        phones=(customer.phone,) if customer.phone else (),
        cards=(customer.card,) if customer.card else (),
        identifiers=tuple(tokens) + tuple((kind, value) for kind, value in kinds if value),
    )
    return present(Presented(intake.source, customer.external_id, person), region=defaults.region)

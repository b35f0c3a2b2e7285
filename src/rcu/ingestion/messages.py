"""Wire formats of the messages that sources send: profiles, tickets, orders, events, consents."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from rcu.consent.schemas import ConsentMeans
from rcu.errors import FieldValueError
from rcu.http.fields import Day, Moment, Whole
from rcu.ingestion.choices import ConsentChoice, FormConsent, Said, has_been_said
from rcu.ingestion.fields import (
    AttributeName,
    Cents,
    Code,
    Currency,
    EventName,
    ExternalId,
    IdentifierKind,
    LongText,
    MessageId,
    Scalar,
    ShortText,
    Wire,
)


class Channel(StrEnum):
    """Where the client and the retailer met."""

    STORE = "store"
    WEB = "web"
    APP = "app"
    PHONE = "phone"
    LOYALTY = "loyalty"
    OTHER = "other"


class IdentifierValue(Wire):
    """An e-mail, a phone or a card, and whether the source has verified that it is the person's.

    `verified_at` alone says that it has; beside `"verified": false`, that it had once.
    """

    value: Annotated[str, StringConstraints(min_length=1, max_length=320, strip_whitespace=True)]
    verified: bool = False
    verified_at: Moment | None = None


class OtherIdentifier(IdentifierValue):
    """An identifier of another kind: `payment_token`, `device`, `app_user`, `national_id`, ..."""

    kind: IdentifierKind


class AddressValue(Wire):
    """A postal address; `lines` hold what stands above the postcode, top to bottom."""

    lines: list[LongText] = Field(default_factory=list, max_length=6)
    postcode: Annotated[str, StringConstraints(max_length=16, strip_whitespace=True)] | None = None
    city: ShortText | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None


class ProfileAttributes(Wire):
    """What can be known of a person."""

    title: ShortText | None = None
    given_name: ShortText | None = None
    family_name: ShortText | None = None
    birth_name: ShortText | None = None
    birth_date: Annotated[str, StringConstraints(max_length=32)] | None = Field(
        default=None, description="ISO 8601 preferred; dd/mm/yyyy and yyyymmdd are understood."
    )
    emails: Annotated[list[IdentifierValue], Field(max_length=10)] | None = None
    phones: Annotated[list[IdentifierValue], Field(max_length=10)] | None = None
    cards: Annotated[list[IdentifierValue], Field(max_length=10)] | None = None
    identifiers: Annotated[list[OtherIdentifier], Field(max_length=20)] | None = None
    addresses: Annotated[list[AddressValue], Field(max_length=5)] | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")] | None = None
    preferred_store: Code | None = None
    attributes: Annotated[dict[AttributeName, Scalar], Field(max_length=50)] | None = None

    def stated(self) -> dict[str, Any]:
        """Return what is said of the person, as it was received: what was left out is left out."""
        attributes = set(ProfileAttributes.model_fields)
        return self.model_dump(mode="json", exclude_unset=True, include=attributes)


class ProfileMessage(ProfileAttributes):
    """What one source knows of one person.

    A field that is left out keeps the value known before; an explicit `null` or an empty
    list removes it. Messages may arrive in any order: for each field the newest
    `occurred_at` wins.
    """

    message_id: MessageId
    external_id: ExternalId = Field(description="The person's id in the sending source.")
    occurred_at: Moment = Field(description="When the source learnt this.")
    consents: list[FormConsent] = Field(
        default_factory=list,
        max_length=50,
        description="What the person said with it, such as the boxes of the form. Each is added to "
        "what was said before; nothing is removed.",
    )

    @model_validator(mode="after")
    def _consents_have_been_said(self) -> Self:
        if any(consent.occurred_at is None for consent in self.consents):
            has_been_said(self.occurred_at)
        return self


class CustomerIdentifiers(Wire):
    """Whatever a sale, an order or an event carried to tell whose it is."""

    external_id: ExternalId | None = Field(
        default=None, description="The person's id in the sending source."
    )
    card: Annotated[str, StringConstraints(max_length=64, strip_whitespace=True)] | None = None
    email: Annotated[str, StringConstraints(max_length=320, strip_whitespace=True)] | None = None
    phone: Annotated[str, StringConstraints(max_length=40, strip_whitespace=True)] | None = None
    app_user: ExternalId | None = Field(default=None, description="Id shown by the app's scan.")
    device: ExternalId | None = None
    given_name: ShortText | None = None
    family_name: ShortText | None = None


class TicketKind(StrEnum):
    """A sale, goods brought back, or a ticket cancelled at the till."""

    SALE = "sale"
    RETURN = "return"
    VOID = "void"


class TicketLine(Wire):
    """One product on a ticket or an order; a returned product has a negative quantity."""

    sku: Code
    label: ShortText | None = None
    category: ShortText | None = None
    quantity: Annotated[float, Field(ge=-100_000, le=100_000)] = 1
    amount_cents: Cents
    discount_cents: Cents = 0


class Payment(Wire):
    """One means of payment; the token stands for the payment account, never for a card number."""

    method: Annotated[str, StringConstraints(max_length=32)] = "card"
    amount_cents: Cents | None = None
    payment_token: Annotated[str, StringConstraints(min_length=6, max_length=128)] | None = None


class TicketReference(Wire):
    """Another ticket, by the id its source gave or by what is printed on it."""

    source: Code | None = Field(default=None, description="Default: searched in every source.")
    ticket_id: ExternalId | None = None
    store: Code | None = None
    till: Code | None = None
    business_date: Day | None = None
    number: Annotated[Whole, Field(ge=0, le=2**53)] | None = None

    @model_validator(mode="after")
    def _names_one_ticket(self) -> Self:
        printed = (self.store, self.till, self.business_date, self.number)
        if self.ticket_id is None and None in printed:
            raise FieldValueError("give ticket_id, or store, till, business_date and number")
        return self


class SellerShare(Wire):
    """A member of staff, and the share of a sale that is theirs."""

    staff: Code
    percent: Annotated[float, Field(gt=0, le=100, description="With two decimals at most.")] = 100


def _share_the_whole(sellers: list[SellerShare]) -> list[SellerShare]:
    hundredths = [seller.percent * 100 for seller in sellers]
    if any(abs(share - round(share)) > 1e-6 for share in hundredths):  # noqa: PLR2004 - of floats
        raise FieldValueError("percent has two decimals at most")
    if sellers and sum(map(round, hundredths)) != 10_000:  # noqa: PLR2004 - 100 % in hundredths
        raise FieldValueError("the shares sum to 100 percent")
    if len({seller.staff for seller in sellers}) != len(sellers):
        raise FieldValueError("each member of staff stands once")
    return sellers


Sellers = Annotated[
    list[SellerShare],
    Field(max_length=10, description="Staff to credit with the sale; the shares sum to 100."),
    AfterValidator(_share_the_whole),
]


class Fulfilment(StrEnum):
    """How the goods of a web order reach the client."""

    DELIVERY = "delivery"
    CLICK_AND_COLLECT = "click_and_collect"
    SHIP_FROM_STORE = "ship_from_store"


class TicketMessage(Wire):
    """A sale, a return or a void, from a till or from a web shop."""

    message_id: MessageId
    ticket_id: ExternalId | None = Field(
        default=None, description="The source's own id; default store-till-yyyymmdd-number."
    )
    kind: TicketKind = TicketKind.SALE
    store: Code | None = None
    till: Code | None = None
    number: Annotated[Whole, Field(ge=0, le=2**53)] | None = None
    business_date: Day | None = Field(
        default=None, description="Default: the day of sold_at in the store's time zone."
    )
    sold_at: Moment
    currency: Currency = "EUR"
    total_cents: Cents = Field(description="Zero or negative for a return.")
    lines: list[TicketLine] = Field(default_factory=list, max_length=500)
    payments: list[Payment] = Field(default_factory=list, max_length=20)
    cashier: Code | None = None
    sellers: Sellers | None = None
    channel: Channel | None = Field(default=None, description="Default: the source's channel.")
    customer: CustomerIdentifiers | None = None
    order_id: ExternalId | None = None
    fulfilment: Fulfilment | None = None
    original: TicketReference | None = Field(
        default=None, description="The ticket that a return brings back or a void cancels."
    )

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        if self.ticket_id is None and None in (self.store, self.till, self.number):
            raise FieldValueError("give ticket_id, or store, till and number")
        if self.kind is TicketKind.RETURN and self.total_cents > 0:
            raise FieldValueError("total_cents of a return is zero or negative")
        if self.kind is TicketKind.VOID and self.original is None:
            raise FieldValueError("a void names the ticket it cancels in original")
        return self


class OrderStatus(StrEnum):
    """The life of a web order."""

    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    READY_FOR_PICKUP = "ready_for_pickup"
    PICKED_UP = "picked_up"
    CANCELLED = "cancelled"
    RETURNED = "returned"


class OrderMessage(Wire):
    """A step in the life of a web order; `placed` carries the order, later steps its status."""

    message_id: MessageId
    order_id: ExternalId
    status: OrderStatus
    occurred_at: Moment
    currency: Currency | None = None
    total_cents: Annotated[Whole, Field(ge=0, le=10**12)] | None = None
    lines: Annotated[list[TicketLine], Field(max_length=500)] | None = None
    payments: Annotated[list[Payment], Field(max_length=20)] | None = None
    channel: Channel | None = None
    store: Code | None = Field(default=None, description="Where it is picked up or shipped from.")
    fulfilment: Fulfilment | None = None
    customer: CustomerIdentifiers | None = None
    sellers: Sellers | None = None

    @model_validator(mode="after")
    def _placed_is_whole(self) -> Self:
        if self.status is OrderStatus.PLACED and None in (self.currency, self.total_cents):
            raise FieldValueError("an order that is placed has currency and total_cents")
        return self


class EventMessage(Wire):
    """Something a person did: page viewed, app opened, sign-in, newsletter click, ..."""

    message_id: MessageId
    name: EventName
    occurred_at: Moment
    channel: Channel | None = None
    customer: CustomerIdentifiers
    properties: dict[AttributeName, Scalar] = Field(default_factory=dict, max_length=50)


class ConsentMessage(ConsentChoice):
    """What a person said of one purpose: granted, denied or withdrawn, when, how, on what words."""

    message_id: MessageId
    occurred_at: Said = Field(description="When the person said so.")
    how: ConsentMeans
    customer: CustomerIdentifiers

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        who = self.customer
        if not any((who.external_id, who.card, who.email, who.phone, who.app_user, who.device)):
            raise FieldValueError(
                "customer has external_id, card, email, phone, app_user or device"
            )
        return self


class MessageType(StrEnum):
    """What a message is about; the discriminator of a batch."""

    PROFILE = "profile"
    TICKET = "ticket"
    ORDER = "order"
    EVENT = "event"
    CONSENT = "consent"


Message = ProfileMessage | TicketMessage | OrderMessage | EventMessage | ConsentMessage

MESSAGE_MODELS: dict[MessageType, type[Message]] = {
    MessageType.PROFILE: ProfileMessage,
    MessageType.TICKET: TicketMessage,
    MessageType.ORDER: OrderMessage,
    MessageType.EVENT: EventMessage,
    MessageType.CONSENT: ConsentMessage,
}


def stores_named(messages: Iterable[Message]) -> set[str]:
    """Return the stores that tickets and orders name."""
    named = (m.store for m in messages if isinstance(m, TicketMessage | OrderMessage))
    return {store for store in named if store is not None}


class Batch(Wire):
    """A mix of messages; each has besides its own fields a `type`, and is judged by itself."""

    messages: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)]

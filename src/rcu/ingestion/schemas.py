"""Wire formats of the messages that sources send, and of the answers they get."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from rcu.errors import FieldValueError
from rcu.identity.presentation import IDENTIFIERS_PREFIX
from rcu.sales.attachment import Missed

MessageId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
"""Chosen by the sender, unique for ever in its source; printable ASCII without spaces."""


def _not_reserved(external_id: str) -> str:
    if external_id.startswith(IDENTIFIERS_PREFIX):
        raise FieldValueError(f"must not begin with {IDENTIFIERS_PREFIX}, which is reserved")
    return external_id


ExternalId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, strip_whitespace=True),
    AfterValidator(_not_reserved),
]
"""An id given by the sending source; `ids:` begins those of records known by identifiers only."""

Code = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
ShortText = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
LongText = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Cents = Annotated[int, Field(ge=-(10**12), le=10**12)]
IdentifierKind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
EventName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_.-]{0,63}$")]
Scalar = str | int | float | bool | None


EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""No clock is right outside; near the ends of the calendar there is no UTC to turn a time into."""


def _plausible(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise FieldValueError(f"a time from {EARLIEST.year} on and before {LATEST.year}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]
"""A time with its zone."""


class Wire(BaseModel):
    """A wire format: unknown fields are refused, so that a misspelt one is not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Channel(StrEnum):
    """Where the client and the retailer met."""

    STORE = "store"
    WEB = "web"
    APP = "app"
    PHONE = "phone"
    LOYALTY = "loyalty"
    OTHER = "other"


# --- profiles ---------------------------------------------------------------------------------


class IdentifierValue(Wire):
    """An e-mail, a phone or a card, and whether the source has verified that it is the person's."""

    value: Annotated[str, StringConstraints(min_length=1, max_length=320, strip_whitespace=True)]
    verified: bool = False
    verified_at: Moment | None = None


class OtherIdentifier(IdentifierValue):
    """An identifier of another kind: `payment_token`, `device`, `app_user`, `national_id`, ..."""

    kind: IdentifierKind


class AddressValue(Wire):
    """A postal address; `lines` hold what stands above the postcode, top to bottom."""

    lines: Annotated[list[LongText], Field(max_length=6)] = []
    postcode: Annotated[str, StringConstraints(max_length=16, strip_whitespace=True)] | None = None
    city: ShortText | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None


class ProfileMessage(Wire):
    """What one source knows of one person.

    A field that is left out keeps the value known before; an explicit `null` or an empty
    list removes it. Messages may arrive in any order: for each field the newest
    `occurred_at` wins.
    """

    message_id: MessageId
    external_id: ExternalId = Field(description="The person's id in the sending source.")
    occurred_at: Moment = Field(description="When the source learnt this.")
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


# --- tickets, orders, events --------------------------------------------------------------------


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
    business_date: date | None = None
    number: Annotated[int, Field(ge=0, le=2**53)] | None = None

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
    number: Annotated[int, Field(ge=0, le=2**53)] | None = None
    business_date: date | None = Field(
        default=None, description="Default: the day of sold_at in the store's time zone."
    )
    sold_at: Moment
    currency: Currency = "EUR"
    total_cents: Cents = Field(description="Zero or negative for a return.")
    lines: Annotated[list[TicketLine], Field(max_length=500)] = []
    payments: Annotated[list[Payment], Field(max_length=20)] = []
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
    total_cents: Annotated[int, Field(ge=0, le=10**12)] | None = None
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
    properties: Annotated[dict[AttributeName, Scalar], Field(max_length=50)] = {}


class MessageType(StrEnum):
    """What a message is about; the discriminator of a batch."""

    PROFILE = "profile"
    TICKET = "ticket"
    ORDER = "order"
    EVENT = "event"


Message = ProfileMessage | TicketMessage | OrderMessage | EventMessage

MESSAGE_MODELS: dict[MessageType, type[Message]] = {
    MessageType.PROFILE: ProfileMessage,
    MessageType.TICKET: TicketMessage,
    MessageType.ORDER: OrderMessage,
    MessageType.EVENT: EventMessage,
}


class Batch(Wire):
    """A mix of messages; each has besides its own fields a `type`, and is judged by itself."""

    messages: Annotated[list[dict[str, JsonValue]], Field(min_length=1, max_length=1000)]


# --- answers ------------------------------------------------------------------------------------


class Evidence(BaseModel):
    """What one attribute says for (positive) or against (negative) a match, in bits."""

    attribute: str
    level: str
    weight: float


class Match(BaseModel):
    """The strongest pair that put a record where it is."""

    source: str
    external_id: str
    weight: float = Field(description="Match weight in bits, the prior included.")
    probability: float
    evidence: list[Evidence]


class PendingReview(BaseModel):
    """A client that may be the same person; a steward will say."""

    client_id: UUID
    weight: float


class ProfileOutcome(StrEnum):
    """What a profile message did."""

    CREATED = "created"
    MATCHED = "matched"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class ProfileAnswer(BaseModel):
    """The answer to a profile."""

    message_id: str
    type: Literal["profile"]
    external_id: str
    outcome: ProfileOutcome
    client_id: UUID = Field(
        description="The client of the record. Of the ids that its records could give it the "
        "oldest, which is the lowest, is its id: the order of arrival decides nothing else. The "
        "id resolves for ever, to this client or to the one that it is merged into."
    )
    merged_client_ids: list[UUID] = Field(
        description="Known clients that went over to this one: the oldest id survived, of ids of "
        "one millisecond the lowest."
    )
    match: Match | None
    reviews: list[PendingReview]


class NextTier(BaseModel):
    """The tier above, and what is missing to reach it in this period."""

    code: str
    label: str
    missing: int = Field(description="Points or cents, as the programme counts its tiers.")


class TierRead(BaseModel):
    """The tier of a client."""

    code: str
    label: str
    valid_until: date = Field(description="First day on which a review may lower it.")
    next: NextTier | None


class TicketLoyalty(BaseModel):
    """Points that a ticket moved, and what the client has with them."""

    earned: int = Field(description="Below zero for goods that come back.")
    balance: int = Field(description="Over all records of the client.")
    pending: int = Field(description="Of the balance, not active yet.")
    tier: TierRead | None


class TicketAnswer(BaseModel):
    """The answer to a ticket; without a client the ticket waits for evidence."""

    message_id: str
    type: Literal["ticket"]
    ticket_id: str
    outcome: Literal["recorded", "already_recorded"]
    client_id: UUID | None
    method: str | None
    loyalty: TicketLoyalty | None = Field(
        description="Null without a programme in force, without a record, or when the ticket was "
        "recorded before: the first answer told."
    )
    reason: Missed | None = Field(description="Why the ticket is attached to nobody.")


class OrderAnswer(BaseModel):
    """The answer to a step of an order."""

    message_id: str
    type: Literal["order"]
    order_id: str
    outcome: Literal["recorded"]
    status: OrderStatus
    client_id: UUID | None
    method: str | None


class EventAnswer(BaseModel):
    """The answer to an event."""

    message_id: str
    type: Literal["event"]
    outcome: Literal["recorded"]
    client_id: UUID | None


class ParkedAnswer(BaseModel):
    """A message kept, but not applied yet: what it waits for is said."""

    message_id: str
    type: MessageType
    outcome: Literal["parked"]
    reason: str
    detail: str


class BatchResult(BaseModel):
    """What became of one message of a batch: an answer, or a problem document."""

    index: int
    message_id: str | None
    status: int
    answer: ProfileAnswer | TicketAnswer | OrderAnswer | EventAnswer | ParkedAnswer | None
    problem: dict[str, Any] | None


class BatchAnswer(BaseModel):
    """One result a message, in the order sent."""

    results: list[BatchResult]


class ParkedMessage(BaseModel):
    """A message that waits."""

    source: str
    message_id: str
    type: MessageType
    reason: str
    waits_for: str
    parked_at: datetime
    attempts: int


class ParkedPage(BaseModel):
    """Parked messages, oldest first."""

    parked: list[ParkedMessage]
    next_cursor: str | None


class ReplayRequest(Wire):
    """Which parked messages to try again; without anything, all of them."""

    source: Code | None = None
    message_ids: Annotated[list[MessageId], Field(max_length=1000)] | None = Field(
        default=None, description="Messages of `source`, which then has to be given."
    )

    @model_validator(mode="after")
    def _ids_have_a_source(self) -> Self:
        if self.message_ids is not None and self.source is None:
            raise FieldValueError("message_ids are those of a source: give source")
        return self


class ReplayAnswer(BaseModel):
    """How many parked messages were applied, and how many still wait."""

    applied: int
    still_parked: int

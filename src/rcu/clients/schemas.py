"""Wire formats of clients: the 360 view, look-up, search, timeline.

The 360 view and the timeline are written as JSON by PostgreSQL itself; their models here
describe them in OpenAPI, and a test holds real answers against the models.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from rcu.clients.history_schemas import IdentityThen
from rcu.clients.survivorship import Rule
from rcu.errors import FieldValueError
from rcu.http.fields import Whole

Text = Annotated[str, StringConstraints(min_length=1, max_length=320, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]


class Answer(BaseModel):
    """An answer: every field is always present, and no other."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Request(BaseModel):
    """A request: unknown fields are refused, so that a misspelt one is not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- golden record -------------------------------------------------------------------------------


class Provenance(Answer):
    """The source record that states a value, and since when."""

    source: str
    external_id: str
    occurred_at: datetime = Field(description="When the source learnt it.")


class GoldenText(Provenance):
    """A value, where it comes from, and the rule that picked it."""

    value: str
    rule: Rule


class GoldenDate(Provenance):
    """A date, where it comes from, and the rule that picked it."""

    value: date
    rule: Rule


class GoldenAttribute(Provenance):
    """A free attribute, where it comes from, and the rule that picked it."""

    value: str | int | float | bool
    rule: Rule


class GoldenIdentifier(Answer):
    """An e-mail, phone or card of the client, verified or only declared, and who states it."""

    value: str
    verified: bool
    verified_at: datetime | None
    sources: list[Provenance]
    rule: Rule


class Address(Answer):
    """A postal address, as a source wrote it."""

    lines: list[str]
    postcode: str | None
    city: str | None
    country: str | None


class GoldenAddress(Answer):
    """A postal address of the client, and who states it."""

    value: Address
    sources: list[Provenance]
    rule: Rule


class Golden(Answer):
    """What is known of a client, attribute by attribute."""

    title: GoldenText | None
    given_name: GoldenText | None
    family_name: GoldenText | None
    birth_name: GoldenText | None
    birth_date: GoldenDate | None
    language: GoldenText | None
    preferred_store: GoldenText | None
    emails: list[GoldenIdentifier]
    phones: list[GoldenIdentifier]
    cards: list[GoldenIdentifier]
    addresses: list[GoldenAddress]
    attributes: dict[str, GoldenAttribute]


# --- 360 view ------------------------------------------------------------------------------------


class RecordKey(Answer):
    """A source record by its key."""

    source: str
    external_id: str


class HeldIdentifier(Answer):
    """A normalised identifier that finds the client."""

    kind: str
    value: str
    status: Literal["verified", "declared"] = Field(
        description="Verified when one source at least says that it is."
    )
    verified_at: datetime | None = Field(description="The earliest time since when.")
    sources: list[str] = Field(description="The sources that know it, by a profile or a fact.")


class ClientRecord(RecordKey):
    """A source record of the client; what gathers facts by identifiers only is not listed."""

    kind: str
    placement: str = Field(description="What ties the record to the client.")
    since: datetime
    changed_at: datetime


class TicketSummary(Answer):
    """A sale, a return or a void."""

    id: UUID
    source: str
    ticket_id: str
    kind: Literal["sale", "return", "void"]
    store: str | None
    channel: str
    sold_at: datetime
    currency: str
    total_cents: int
    order_id: str | None
    voided: bool


class OrderSummary(Answer):
    """A web order, as it stands."""

    id: UUID
    source: str
    order_id: str
    status: str
    open: bool = Field(
        description="Placed, paid, ready for pick-up, or shipped to a store for pick-up."
    )
    placed_at: datetime
    changed_at: datetime
    channel: str
    store: str | None
    fulfilment: str | None
    currency: str
    total_cents: int


class Totals(Answer):
    """What was bought in one currency, in one channel or in all."""

    currency: str
    channel: str | None = Field(description="Null for the sum over all channels.")
    sales: int
    returns: int
    amount_cents: int = Field(description="Returns deducted.")
    first_at: datetime | None
    last_at: datetime | None


class FavouriteStore(Answer):
    """The store with the most sales; of equals, the one visited last."""

    code: str
    name: str | None
    sales: int
    last_at: datetime | None


class ClientConsent(RecordKey):
    """What holds of one purpose and channel, since when, and the record under which it was said."""

    purpose: str
    channel: str | None = Field(description="Null for a purpose that reaches nobody.")
    status: Literal["granted", "denied", "withdrawn"]
    since: datetime = Field(description="When the person said so.")


class ClientView(Answer):
    """The whole client: who, by what identifiers, from which records, bought what."""

    client_id: UUID = Field(
        description="The id of the oldest profile record of the client, which is the lowest id: "
        "of merged clients the oldest id survives. Any id ever given resolves for ever."
    )
    resolved_from: UUID | None = Field(
        description="The id asked for, when it is a former id of this client."
    )
    known: bool = Field(description="False while only tickets and the like are there.")
    version: int
    created_at: datetime
    changed_at: datetime
    golden: Golden | None
    identifiers: list[HeldIdentifier]
    records: list[ClientRecord]
    tickets: list[TicketSummary] = Field(description="The last ten.")
    orders: list[OrderSummary] = Field(
        description="Ten: the open ones first, then those that changed last."
    )
    totals: list[Totals] = Field(
        description="For each currency, the sum over all channels, then each channel."
    )
    favourite_store: FavouriteStore | None
    consents: list[ClientConsent] = Field(
        description="Of a purpose and channel that is not listed nobody has said anything: that is "
        "no consent. The proof: `GET /v1/clients/{client_id}/consents`."
    )
    identity_as_of: IdentityThen | None = Field(
        description="Whom the id stood for at the time `as_of`, and with which records; null when "
        "no time was asked for. All else is as of now."
    )


# --- look-up -------------------------------------------------------------------------------------


class LookupRequest(Request):
    """One exact identifier, in any writing."""

    email: Text | None = None
    phone: Text | None = None
    card: Text | None = None
    payment_token: Text | None = None
    app_user: Text | None = None
    source: Code | None = Field(default=None, description="With external_id: a source record.")
    external_id: (
        Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
        | None
    ) = None

    @model_validator(mode="after")
    def _is_one_identifier(self) -> Self:
        given = self.model_fields_set - {"external_id"}
        empty = any(getattr(self, name) is None for name in self.model_fields_set)
        if len(given) != 1 or empty or (self.source is None) != (self.external_id is None):
            raise FieldValueError(
                "give exactly one of email, phone, card, payment_token, app_user, "
                "or source with external_id"
            )
        return self

    @property
    def identifier(self) -> tuple[str, str]:
        """Return kind and value of the identifier, when no source record is given."""
        kind = next(iter(self.model_fields_set))
        return kind, getattr(self, kind)


class ClientSummary(Answer):
    """Enough to tell one client from another; e-mails and phones are masked."""

    model_config = ConfigDict(from_attributes=True)

    client_id: UUID
    known: bool
    title: str | None
    given_name: str | None
    family_name: str | None
    birth_name: str | None
    birth_year: int | None
    postcode: str | None
    city: str | None
    emails: list[str] = Field(description="Masked, such as `e***@gmail.com`.")
    phones: list[str] = Field(description="Masked but for the last two digits.")
    last_purchase_at: datetime | None


class LookupOutcome(StrEnum):
    """How many clients an identifier designates."""

    FOUND = "found"
    NONE = "none"
    SEVERAL = "several"


class LookupAnswer(Answer):
    """The client an identifier designates, none, or the candidates and what separates them."""

    outcome: LookupOutcome
    client: ClientSummary | None
    candidates: list[ClientSummary] = Field(description="At most 20, last purchase first.")
    separated_by: list[str] = Field(
        description="The fields in which the candidates differ: what to ask the person."
    )


# --- search --------------------------------------------------------------------------------------


class SearchRequest(Request):
    """What a seller types."""

    text: Annotated[str, StringConstraints(max_length=200)] = Field(
        description="Part of a name, with postcode or city, end of a phone number, birth year.",
        examples=["dupon lille"],
    )
    store: Code | None = Field(default=None, description="A store whose clients come first.")
    limit: Annotated[Whole, Field(ge=1, le=20)] = 20
    cursor: Annotated[str, StringConstraints(max_length=500)] | None = None


class SearchReason(Answer):
    """Why a client was found: what was compared, and how it matched."""

    attribute: str = Field(examples=["family_name"])
    match: str = Field(examples=["one letter different"])


class SearchHit(Answer):
    """A client that matches what was typed."""

    client: ClientSummary
    score: int = Field(description="Higher is better; comparable within one search only.")
    why: list[SearchReason]


class SearchAnswer(Answer):
    """The clients that match, best first."""

    hits: list[SearchHit]
    next_cursor: str | None


# --- timeline ------------------------------------------------------------------------------------


class TimelineType(StrEnum):
    """The kinds of things that happen."""

    TICKET = "ticket"
    ORDER_STEP = "order_step"
    EVENT = "event"
    CONSENT = "consent"
    PROFILE = "profile"
    IDENTITY_CHANGE = "identity_change"


class TimelineItem(Answer):
    """One thing that happened."""

    id: UUID
    at: datetime
    type: TimelineType
    source: str | None
    channel: str | None
    details: dict[str, Any] = Field(
        description="By type: the ticket, the order and its new status, the event with its "
        "properties, what was said of a purpose, which record a profile message was about, or "
        "which clients were joined or parted."
    )


class TimelinePage(Answer):
    """What happened, newest first."""

    client_id: UUID
    items: list[TimelineItem]
    next_cursor: str | None

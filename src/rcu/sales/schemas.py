"""Wire formats of single tickets and orders: reading, claiming, deciding whose they are."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rcu.http.fields import Day, Whole
from rcu.sales.attachment import Missed

Code = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClaimRequest(_Request):
    """What is printed on a receipt, and whose it is said to be."""

    external_id: ExternalId = Field(description="Who claims: their id in the calling source.")
    store: Code
    till: Code
    number: Annotated[Whole, Field(ge=0, le=2**53)]
    business_date: Day
    total_cents: Annotated[Whole, Field(ge=0, le=10**12)]


class ClaimAnswer(BaseModel):
    """A ticket that is the claimant's."""

    ticket_id: UUID
    client_id: UUID


class AttachRequest(_Request):
    """The known client that a ticket belongs to, and how a steward knows."""

    client_id: UUID
    reason: Reason = Field(description="Why, in words; kept. No personal data.")


class ReasonedRequest(_Request):
    """Why a steward decides so."""

    reason: Reason = Field(description="Why, in words; kept. No personal data.")


class UnattachedReason(StrEnum):
    """Why a ticket is attached to nobody now."""

    NOT_ASKED = Missed.NOT_ASKED
    UNKNOWN = Missed.UNKNOWN
    MISTYPED = Missed.MISTYPED
    UNREADABLE = Missed.UNREADABLE
    AMBIGUOUS = Missed.AMBIGUOUS
    SHARED = Missed.SHARED
    DETACHED = "detached"


class Attached(BaseModel):
    """The known client of a ticket and how it is known; or why there is none."""

    client_id: UUID | None
    method: str | None = Field(
        description="own_record, card, email, phone, app_scan, payment_token, device, "
        "order_reference, return_link, claim or steward."
    )
    reason: UnattachedReason | None


class AttachmentChange(BaseModel):
    """What came after the sale.

    The ticket was hung elsewhere, or the record that it hangs on found another owner.
    """

    at: datetime
    moved: Literal["ticket", "record"]
    by: str = Field(
        description="Of a ticket: order, claim, steward, original, detached. Of a record: the "
        "method, or why it has no owner."
    )
    actor: str
    reason: str | None
    client_id: UUID | None = Field(description="The client, known or anonymous, since.")


class CreditRead(BaseModel):
    """What a member of staff is credited with; negative for a return."""

    staff: str
    percent: float
    rule: str = Field(
        description="named, cashier, order_seller, collecting_cashier, or return, which takes back."
    )
    amount_cents: int


class TicketRead(BaseModel):
    """A ticket, and whose it is."""

    id: UUID
    source: str
    ticket_id: str
    kind: str
    store: str | None
    till: str | None
    number: int | None
    business_date: date
    sold_at: datetime
    received_at: datetime
    channel: str
    currency: str
    total_cents: int
    order_id: str | None
    fulfilment: str | None
    original_id: UUID | None
    voided_by: UUID | None
    attachment: Attached = Field(description="As known now.")
    at_sale: Attached = Field(description="As known when it was received; this never changes.")
    changes: list[AttachmentChange] = Field(description="What came between, oldest first.")
    credits: list[CreditRead]


class OrderLookup(_Request):
    """An order by the id that a source gave it."""

    order_id: ExternalId
    source: Code | None = None


class OrderMatches(BaseModel):
    """The orders of that id: one for each source that has one."""

    ids: list[UUID]


class OrderStepRead(BaseModel):
    """A step in the life of an order."""

    at: datetime
    status: str
    store: str | None


class OrderTicketRead(BaseModel):
    """A ticket of an order: sold, brought back or cancelled, wherever that was."""

    id: UUID
    source: str
    ticket_id: str
    kind: str
    store: str | None
    channel: str
    fulfilment: str | None
    at: datetime
    currency: str
    total_cents: int
    voided: bool
    original_id: UUID | None
    client_id: UUID | None
    method: str | None


class OrderRead(BaseModel):
    """An order and its story over channels and stores."""

    id: UUID
    source: str
    order_id: str
    status: str
    placed_at: datetime
    changed_at: datetime
    channel: str
    store: str | None
    fulfilment: str | None
    currency: str
    total_cents: int
    client_id: UUID | None
    method: str | None
    steps: list[OrderStepRead]
    tickets: list[OrderTicketRead]
    sold_cents: int = Field(description="Sales in the order's currency, those cancelled left out.")
    returned_cents: int = Field(description="What came back; negative or zero.")


class SuggestionRead(BaseModel):
    """A ticket that may be a client's: what it carried is one slip away from what they have."""

    id: UUID
    ticket_id: UUID
    client_id: UUID
    kind: Literal["card", "email"]
    fits: list[Literal["payment_token", "store"]] = Field(
        description="What else points to the client."
    )
    made_at: datetime


class SuggestionPage(BaseModel):
    """Open suggestions, oldest first."""

    suggestions: list[SuggestionRead]
    next_cursor: str | None


class SuggestionDecision(ReasonedRequest):
    """A steward's answer."""

    verdict: Literal["accepted", "rejected"]

"""Wire formats of the answers to messages, and of those that wait."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from rcu.consent.effective import ConsentStatus
from rcu.errors import FieldValueError
from rcu.ingestion.fields import Code, MessageId, Wire
from rcu.ingestion.messages import MessageType, OrderStatus
from rcu.sales.attachment import Missed


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


class ConsentAnswer(BaseModel):
    """The answer to a consent; without a client it waits, under its record, for one to be known."""

    message_id: str
    type: Literal["consent"]
    outcome: Literal["recorded"]
    purpose: str
    status: ConsentStatus
    client_id: UUID | None
    method: str | None
    reason: Literal["unknown", "ambiguous", "shared"] | None = Field(
        description="Why it is of nobody known: nobody, or several, hold what it carried. It then "
        "holds for no client."
    )


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
    answer: (
        ProfileAnswer
        | TicketAnswer
        | OrderAnswer
        | EventAnswer
        | ConsentAnswer
        | ParkedAnswer
        | None
    )
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

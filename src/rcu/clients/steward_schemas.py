"""Wire formats of the steward: decisions on clients, what they move, and their undoing."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rcu.http.fields import Whole

Reason = Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)]
MessageId = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:~-]+$")
]
Version = Annotated[Whole, Field(ge=1)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DecisionRequest(_Request):
    """What every decision says of itself."""

    reason: Reason = Field(description="Why, in words; kept with the decision. No personal data.")
    dry_run: bool = Field(
        default=False, description="Only say what would move: nothing is changed or kept."
    )
    message_id: MessageId | None = Field(
        default=None,
        description="An id of the caller's own: the same request sent again is answered the same.",
    )


class MergeRequest(DecisionRequest):
    """Another client that is the same person."""

    other_client_id: UUID
    expected_version: Version | None = Field(
        default=None, description="The client's version as seen; another one is refused."
    )
    other_expected_version: Version | None = Field(
        default=None, description="The other client's version as seen; another one is refused."
    )


class RecordName(_Request):
    """A source record, by the source and the id it has there."""

    source: Annotated[str, StringConstraints(max_length=32)]
    external_id: Annotated[str, StringConstraints(max_length=128)]


class SplitRequest(DecisionRequest):
    """Source records that are not this person; together they make a client of their own."""

    records: Annotated[list[RecordName], Field(min_length=1, max_length=100)]
    expected_version: Version | None = Field(
        default=None, description="The client's version as seen; another one is refused."
    )


class UndoRequest(DecisionRequest):
    """Why a change of the history is to be undone."""

    expected_versions: Annotated[dict[UUID, Version], Field(max_length=100)] = Field(
        default_factory=dict,
        description="By client id, the version as seen; a client that has another is refused.",
    )


class MovedRecord(_Answer):
    """A source record that goes to another client, and how many facts go with it."""

    source: str
    external_id: str
    kind: str
    from_client_id: UUID
    to_client_id: UUID
    tickets: int
    orders: int
    events: int
    consents: int = Field(description="Statements on purposes: the proof goes with its record.")


class MovedTotals(_Answer):
    """How much moves in all."""

    records: int
    tickets: int
    orders: int
    events: int
    consents: int


class ConsentChange(_Answer):
    """What holds otherwise for who was one client, and is one or part of one."""

    from_client_id: UUID = Field(description="The client before.")
    client_id: UUID = Field(description="The client after, with whom records of the other are.")
    purpose: str
    channel: str | None = Field(description="Null for a purpose that reaches nobody.")
    was: Literal["granted", "denied", "withdrawn"] | None = Field(
        description="What held before; null when nobody had said anything."
    )
    now: Literal["granted", "denied", "withdrawn"] | None


class OpenReviews(_Answer):
    """Pairs that wait for a judgement, and of which a record moves."""

    settled: int = Field(description="Those that nobody needs to judge any more.")
    moved: int = Field(description="Those that wait on, between other clients.")


class DecisionEffects(_Answer):
    """What a decision moves."""

    records: list[MovedRecord] = Field(description="The first 500.")
    totals: MovedTotals
    consent_changes: list[ConsentChange] = Field(
        description="What becomes of consents: a withdrawal that one of two clients made holds for "
        "both when they are one. The first 500."
    )
    retired_client_ids: list[UUID] = Field(
        description="Clients whose records all leave; their ids resolve on."
    )
    appeared_client_ids: list[UUID] = Field(description="Clients that come, or come back.")
    open_reviews: OpenReviews


class DecisionAnswer(_Answer):
    """A decision and its effects, done or only rehearsed."""

    decision_id: UUID | None = Field(description="By which it can be undone; null for a dry run.")
    dry_run: bool
    client_ids: list[UUID] = Field(
        description="The clients that the records concerned are with then, the oldest first."
    )
    versions: dict[UUID, int] = Field(
        description="The versions of the clients before: give them back as expected versions, and "
        "the decision is made on what was shown or not at all."
    )
    effects: DecisionEffects

"""Wire formats of the history of clients: what changed, and who was whom at a time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from rcu.identity.change_models import ChangeKind
from rcu.identity.decision_models import DecisionKind


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class RecordThenRead(_Answer):
    """A source record that a client had at the time."""

    source: str
    external_id: str
    kind: str = Field(description="What it is now.")
    since: datetime = Field(description="When the record was first heard of.")


class IdentityThen(_Answer):
    """Whom a client id stood for at a time."""

    as_of: datetime
    client_id: UUID | None = Field(description="Null when the id was not given yet.")
    records: list[RecordThenRead] = Field(description="The oldest first.")


class RecordsPage(_Answer):
    """The records of a client, now or at a time, the oldest first."""

    as_of: datetime | None = Field(description="Null for now.")
    client_id: UUID | None = Field(
        description="The client that the id stood for; null when the id was not given yet."
    )
    records: list[RecordThenRead]
    next_cursor: str | None


class Successor(_Answer):
    """A client that holds records which were with the asked id."""

    client_id: UUID
    records: int


class MovedRecordNow(_Answer):
    """A source record that a change moved, and where it is now."""

    source: str
    external_id: str
    kind: str
    client_id: UUID


class ChangeDecision(_Answer):
    """The decision of a steward that caused a change."""

    id: UUID
    kind: DecisionKind
    undone_by: UUID | None


class HistoryItem(_Answer):
    """Records that went from one client to another."""

    id: UUID = Field(description="By which the change can be undone.")
    at: datetime
    kind: ChangeKind = Field(
        description="`merge`: the whole of a client went over; `split`: profiles left it; `move`: "
        "what is known by identifiers left it; `follow`: the like, after a merge."
    )
    client_id: UUID = Field(description="Where they went.")
    from_client_id: UUID = Field(description="Where they came from.")
    cause: str = Field(description="`message`, `judgement` or `resolution`.")
    actor: str
    reason: str | None
    decision: ChangeDecision | None
    undone_by: UUID | None = Field(description="The decision by which it is undone now.")
    records: list[MovedRecordNow] = Field(description="The first hundred.")
    record_count: int


class HistoryPage(_Answer):
    """What led to a client, newest first."""

    client_id: UUID = Field(description="The client that the id stands for now.")
    successors: list[Successor] = Field(
        description="The clients that hold the records which were ever with the id: several after "
        "a split."
    )
    items: list[HistoryItem]
    next_cursor: str | None

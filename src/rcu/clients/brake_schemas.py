"""Wire formats of the merge brake: what it stops, how much it let through, what waits."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from rcu.clients.steward_schemas import DecisionRequest
from rcu.identity.brake_models import BrakeScope


class BrakeRequest(DecisionRequest):
    """Why a brake is released, or what it let through reverted."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class MergeBrakeRead(_Answer):
    """A merge brake, on or released."""

    id: UUID
    scope: BrakeScope
    kind: str | None = Field(description="Of the identifier; null for a source.")
    value: str = Field(description="The identifier, or the code of the source.")
    merges: int = Field(description="Clients that it had brought into others when it tripped.")
    counted_from: datetime
    tripped_at: datetime
    released_at: datetime | None
    released_by: UUID | None = Field(description="The decision, by which it can be undone.")
    held_pairs: int = Field(description="Pairs of records that wait in the review queue.")


class MergeBrakePage(_Answer):
    """Merge brakes, newest first."""

    brakes: list[MergeBrakeRead]
    next_cursor: str | None

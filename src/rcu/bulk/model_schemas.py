"""Wire formats of models, activations and trials."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rcu.identity.model_version_models import JobState, ModelOrigin
from rcu.identity.model_versions import VERSION_PATTERN

Version = Annotated[str, StringConstraints(pattern=VERSION_PATTERN)]
LineKind = Literal["gained", "lost"]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class ActivationRequest(_Request):
    """Why the active model changes."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class ModelRead(_Answer):
    """A model version."""

    version: str
    origin: ModelOrigin
    created_at: datetime | None = Field(
        description="Null for a shipped model that was never activated."
    )
    created_by: str | None
    is_active: bool


class ModelList(_Answer):
    """Every model version, the newest first."""

    models: list[ModelRead]


class ModelDetail(_Answer):
    """A model version with its document, which holds its training figures."""

    model: ModelRead
    document: dict[str, Any]


class ActivationRead(_Answer):
    """A change of the active model, and how far the resolution that follows is."""

    number: int
    version: str
    previous_version: str
    reverts: int | None = Field(description="The activation that this one takes back.")
    actor: str
    reason: str
    activated_at: datetime = Field(description="From then on it decides on every message.")
    state: JobState
    done_records: int = Field(description="Records whose clusters were formed anew.")
    total_records: int | None = Field(description="Null while that is being worked out.")
    moved_records: int | None = Field(description="Records that changed client; null until done.")
    started_at: datetime | None
    finished_at: datetime | None
    failure: str | None = Field(description="The code of the error that stopped it.")


class ActivationPage(_Answer):
    """Activations, the newest first."""

    activations: list[ActivationRead]
    next_cursor: str | None


class EstimatedRead(_Answer):
    """A share of matches, and the interval that holds the true one at 95 %."""

    value: float
    low: float
    high: float
    judged_share: float = Field(
        description="Of the links, those of like weight as pairs that stewards judged. For the "
        "others the model's own probability stands, and the interval goes from 0 to 1."
    )


class TrialFigures(_Answer):
    """What a model would change, in numbers."""

    records: int
    clients_before: int
    clients_after: int
    merges_gained: int
    merges_lost: int
    moved_records: int
    touched_clients: int
    tickets: int = Field(description="Of the clients touched.")
    points_accounts: int = Field(description="Of the clients touched.")
    points: int = Field(description="On these accounts.")
    gained_precision: EstimatedRead | None = Field(description="Of the links gained.")
    lost_precision: EstimatedRead | None = Field(
        description="Of the links lost: how many of them were right."
    )


class TrialRead(_Answer):
    """A trial of a model. It changes no client."""

    id: UUID
    version: str
    against_version: str | None = Field(description="The model that was active meanwhile.")
    actor: str
    asked_at: datetime
    state: JobState
    started_at: datetime | None
    finished_at: datetime | None
    failure: str | None
    figures: TrialFigures | None = Field(description="Null until it is done.")


class NamedRecordRead(_Answer):
    """A record of one side, by its source; without a name once it is erased."""

    id: UUID
    source: str | None
    external_id: str | None


class EvidenceRead(_Answer):
    """What one attribute says of a pair."""

    attribute: str
    level: str
    weight: float
    counted: float = Field(description="What of the weight entered the sum.")
    note: str | None


class ScoreRead(_Answer):
    """The score of a pair of records under one model."""

    weight: float
    probability: float
    decision: Literal["link", "review", "apart"]
    contradiction: str | None
    evidence: list[EvidenceRead]


class TrialLine(_Answer):
    """One merge that would be gained or lost, and the pair of records that decides it."""

    position: int
    kind: LineKind
    client_id: UUID
    other_client_id: UUID = Field(
        description="Of a merge lost, the client that the other records would be with."
    )
    tickets: int = Field(description="Of the clients concerned, as they were.")
    left: NamedRecordRead
    right: NamedRecordRead
    left_records: list[NamedRecordRead] = Field(description="Of one side, at most 20.")
    right_records: list[NamedRecordRead]
    before: ScoreRead = Field(description="Of `left` and `right`, under the active model.")
    after: ScoreRead = Field(description="Of `left` and `right`, under the model tried.")


class TrialLinePage(_Answer):
    """Lines of a trial, most tickets first."""

    lines: list[TrialLine]
    next_cursor: str | None

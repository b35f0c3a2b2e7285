"""Wire formats of the review queue: pairs that a steward is asked about."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rcu.clients.schemas import ClientSummary
from rcu.clients.steward_schemas import DecisionRequest
from rcu.identity.decision_models import Verdict


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReviewState(StrEnum):
    """Where a pair stands."""

    NEW = "new"
    """Nobody judged it, or what was said was withdrawn or undone."""
    ASKED_AGAIN = "asked_again"
    """It was judged no match, which still binds, but the values have changed since."""
    UNSURE = "unsure"
    """A steward could not tell, and the values are still the same."""
    JUDGED = "judged"
    """It was judged, and the judgement holds."""
    TOGETHER = "together"
    """Its records are of one client, and nobody judged it."""
    OUT_OF_QUESTION = "out_of_question"
    """Its weight has fallen below the review line, and nobody judged it."""


OpenState = Literal["new", "asked_again", "unsure"]
Guard = Literal["none", "given_name", "birth_date", "title", "kin_of_one_name", "brake"]


class ReviewQuery(BaseModel):
    """Which reviews to list; what is left out stands for all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: UUID | None = Field(
        default=None, description="Only pairs that this client is part of."
    )
    source: Annotated[str, StringConstraints(max_length=32)] | None = None
    decision: Literal["link", "review"] | None = Field(
        default=None,
        description="`link`: the weights link the pair, but the partition keeps it apart.",
    )
    guard: Guard | None = Field(default=None, description="What contradicts.")
    state: OpenState | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, StringConstraints(max_length=512)] | None = None


class ReviewRecord(_Answer):
    """A source record of a pair."""

    source: str
    external_id: str
    client_id: UUID


class ReviewEvidence(_Answer):
    """What one attribute says, in bits; no value of it."""

    attribute: str
    level: str
    weight: float
    counted: float = Field(description="What of the weight counts, under the household rule.")
    note: str | None = None


class ReviewJudgement(_Answer):
    """What was said of a pair last, by a decision that is not undone."""

    verdict: Verdict
    reason: str
    author: str
    made_at: datetime
    values_changed: bool = Field(
        description="Whether the values of the records are others now than those judged."
    )


class Review(_Answer):
    """A pair of records, and all that a judgement of it should know."""

    id: str = Field(description="Made of the two records: it never changes.")
    version: str = Field(
        description="Changes with the pair, its records, its clients and its judgement."
    )
    state: ReviewState
    left: ReviewRecord
    right: ReviewRecord
    weight: float | None = Field(description="Match weight in bits; null below the review line.")
    probability: float | None
    decision: Literal["link", "review"] | None = Field(
        description="What the engine made of the pair: `link` when the weights say so."
    )
    guard: str | None = Field(description="What contradicts, whatever the weight.")
    evidence: list[ReviewEvidence]
    model_version: str | None
    judgement: ReviewJudgement | None


class ReviewGroup(_Answer):
    """Two clients that may be one person, and the pairs of their records in question."""

    clients: list[ClientSummary]
    usefulness: float = Field(
        description="H(p) * (1 + log2(1 + tickets) + log2(1 + amount)), of the most useful pair; "
        "H is the entropy of the match probability in bits, with the weight counted up to the "
        "link line."
    )
    tickets: int = Field(description="Of both clients.")
    amount_cents: int = Field(description="Of both clients, all currencies alike.")
    pairs: int
    reviews: list[Review] = Field(description="The twenty most useful pairs.")


class ReviewQueue(_Answer):
    """The queue, most useful first; what stewards were unsure of comes last."""

    groups: list[ReviewGroup]
    next_cursor: str | None


class ReviewSample(_Answer):
    """Linked pairs in an order of no meaning, to judge as a sample."""

    reviews: list[Review]
    next_cursor: str | None


class JudgementRequest(DecisionRequest):
    """What a steward says of a pair."""

    verdict: Literal[Verdict.MATCH, Verdict.NO_MATCH, Verdict.UNSURE]
    expected_version: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="The version of the review as seen; another one is refused."
    )

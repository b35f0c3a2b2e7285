"""Wire formats of matching: what a profile says, and the clients whom it may be of."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from rcu.clients.explain_schemas import MatchRead, SentenceRead
from rcu.clients.schemas import ClientSummary
from rcu.http.fields import Whole
from rcu.identity.scoring import Decision
from rcu.ingestion.messages import ProfileAttributes
from rcu.ingestion.schemas import Evidence


class MatchRequest(ProfileAttributes):
    """What is known of somebody, as a profile says it, without a record of any source."""

    limit: Annotated[Whole, Field(ge=1, le=20)] = Field(
        default=10, description="Clients told, at most: the likeliest."
    )
    explain: bool = Field(
        default=False, description="Add how each weight comes about, step by step and in words."
    )


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class ObstacleRead(_Answer):
    """What keeps a client apart although one of its records links."""

    reason: str = Field(description="As `hindrance.reason` of an explanation.")
    detail: str | None = Field(description="What contradicts, or of what there are too many.")
    sentence: SentenceRead


class ClientMatchRead(_Answer):
    """A client whom the profile may be of, and by what: its record that says most of it."""

    client: ClientSummary
    decision: Decision = Field(
        description="`link`: the profile would join the client. `review`: a steward would be asked."
    )
    weight: float = Field(description="Match weight in bits, the prior included.")
    probability: float
    evidence: list[Evidence]
    guard: str | None = Field(description="What forbids a link whatever the weight.")
    obstacle: ObstacleRead | None
    explanation: MatchRead | None = Field(
        description="The waterfall, the profile left and the record right, without their values: "
        "null unless `explain`."
    )


class MatchAnswer(_Answer):
    """What would be decided on the profile, were it sent now as that of a new record."""

    model_version: str
    decision: Decision = Field(
        description="The best decision on any client: `link`, `review`, or `apart` when nobody who "
        "is known may be the person."
    )
    client_id: UUID | None = Field(
        description="The client of the record, were it sent; null when it would be a new client."
    )
    matches: list[ClientMatchRead] = Field(
        description="First the clients that it would join, which would be merged where they are "
        "several; then those for review. In each part the likeliest first."
    )

"""Wire formats of the status of identifiers: shared or personal, since when, and by whose word."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rcu.clients.steward_schemas import DecisionRequest
from rcu.http.fields import Whole
from rcu.identity.identifier_models import DeclaredStatus, IdentifierStatus, StatusCause

Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Value = Annotated[str, StringConstraints(min_length=1, max_length=320, strip_whitespace=True)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class IdentifierName(BaseModel):
    """An identifier, as anybody writes it: it is brought into normal form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(description="email, phone, card, or any other kind that sources send.")
    value: Value


class DeclarationRequest(DecisionRequest):
    """What an identifier is, in a steward's word."""

    kind: Kind
    value: Value
    status: DeclaredStatus = Field(
        description="shared: it links nobody. personal: it counts, however many people hold it. "
        "automatic: its holders tell, as if nothing had been declared."
    )
    expected_version: Annotated[Whole, Field(ge=0)] | None = Field(
        default=None, description="The identifier's version as seen; another one is refused."
    )


class StatusChangeRead(_Answer):
    """The status that an identifier had from some time on."""

    id: UUID
    kind: str
    value: str
    status: IdentifierStatus
    holders: int = Field(description="Profile records that held it then.")
    people: int = Field(description="Plainly different people among them, counted up to 100.")
    cause: StatusCause
    actor: str
    reason: str | None
    decision_id: UUID | None = Field(description="By which it can be undone, if one caused it.")
    made_at: datetime


class StatusChangePage(_Answer):
    """Changes of status, newest first."""

    changes: list[StatusChangeRead]
    next_cursor: str | None


class DeclaredRead(_Answer):
    """The declaration that holds."""

    status: DeclaredStatus
    decision_id: UUID
    actor: str
    reason: str
    made_at: datetime


class IdentifierStateRead(_Answer):
    """All that is known of an identifier's status. Never changed means: personal from the start."""

    kind: str
    value: str = Field(description="In normal form.")
    status: IdentifierStatus
    declared: DeclaredRead | None
    holders: int
    people: int
    version: int = Field(description="How often its status was told; give it back when declaring.")
    changes: list[StatusChangeRead] = Field(description="The last 100, newest first.")

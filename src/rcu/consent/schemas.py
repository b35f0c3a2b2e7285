"""Wire formats of purposes, and of what is told of consents."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from rcu.consent.effective import ConsentStatus
from rcu.errors import FieldValueError


class LegalBasis(StrEnum):
    """The grounds of GDPR article 6(1), in their order."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class ContactChannel(StrEnum):
    """How a person is reached."""

    EMAIL = "email"
    SMS = "sms"
    PHONE = "phone"
    POST = "post"
    PUSH = "push"


class ConsentMeans(StrEnum):
    """How a person said so."""

    FORM = "form"
    """On paper or on a page."""
    TILL = "till"
    APP = "app"
    CALL = "call"
    LINK = "link"
    """In an e-mail: unsubscribed."""
    REPLY = "reply"
    """To a message: STOP."""
    LETTER = "letter"
    OTHER = "other"


PurposeCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


def _each_once(channels: list[ContactChannel]) -> list[ContactChannel]:
    if len(set(channels)) != len(channels):
        raise FieldValueError("each channel stands once")
    return channels


class PurposeCreate(BaseModel):
    """A purpose to add."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: PurposeCode
    name_fr: _Name
    name_en: _Name
    legal_basis: LegalBasis
    channels: Annotated[list[ContactChannel], AfterValidator(_each_once)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class PurposeRead(_Answer):
    """What personal data are used for, on which ground, and by which channels."""

    code: str
    name_fr: str
    name_en: str
    legal_basis: LegalBasis = Field(
        description="Of GDPR article 6(1). On another ground than `consent` nothing has to be "
        "granted; what is said all the same is kept: an objection, an acceptance of terms."
    )
    channels: list[ContactChannel] = Field(
        description="By which it may reach the person; none for what reaches nobody."
    )
    created_at: datetime


class PurposeList(_Answer):
    """Every purpose, by its code."""

    purposes: list[PurposeRead]


class ConsentInForce(_Answer):
    """What holds of one purpose and channel: the statement that counts, and who heard it."""

    purpose: str
    channel: ContactChannel | None = Field(description="Null for a purpose that reaches nobody.")
    status: ConsentStatus
    since: datetime = Field(description="When the person said so.")
    source: str
    external_id: str
    consent_id: UUID


class ConsentRead(_Answer):
    """What a person said once: the proof."""

    id: UUID
    purpose: str
    channel: ContactChannel | None = Field(
        description="As stated; null for the purpose as a whole."
    )
    status: ConsentStatus
    occurred_at: datetime = Field(description="When the person said so, by the source.")
    received_at: datetime
    how: ConsentMeans
    wording: str | None = Field(description="Reference of the text that was shown.")
    store: str | None
    actor: str | None = Field(description="Member of staff who took it down.")
    source: str
    external_id: str
    message_id: str


class ConsentPage(_Answer):
    """What holds for a client, and every statement that it rests on, newest first."""

    client_id: UUID
    in_force: list[ConsentInForce] = Field(
        description="Of a purpose and channel that is not listed, nobody has said anything."
    )
    statements: list[ConsentRead]
    next_cursor: str | None

"""Wire formats of points: quotes, spending, holds, and what a client has."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from rcu.errors import FieldValueError
from rcu.http.fields import Day, Moment, Whole

MessageId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Points = Annotated[Whole, Field(gt=0, le=10**9)]
Cents = Annotated[Whole, Field(ge=-(10**12), le=10**12)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
ShortText = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=500, strip_whitespace=True)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SpenderNamed(_Wire):
    """Who spends: one of the three. Each proves something; to tell an e-mail does not."""

    external_id: ExternalId | None = Field(
        default=None, description="A record of the calling source, which vouches for the person."
    )
    card: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="The loyalty card that was presented."
    )
    app_user: ExternalId | None = Field(default=None, description="The id that the app showed.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(v is not None for v in (self.external_id, self.card, self.app_user)) != 1:
            raise FieldValueError("give exactly one of external_id, card, app_user")
        return self


class SpendRequest(_Wire):
    """Points to spend, at once or by a hold."""

    message_id: MessageId = Field(
        description="The caller's own id: the same request sent again is answered the same."
    )
    spender: SpenderNamed
    points: Points | None = Field(default=None, description="A free amount; or give `reward`.")
    reward: Slug | None = Field(default=None, description="A reward of the programme's catalogue.")
    ticket_id: ExternalId | None = Field(
        default=None,
        description="The caller's ticket that they pay for, sent already or not: goods that come "
        "back bring these points back.",
    )

    @model_validator(mode="after")
    def _spends_one_thing(self) -> Self:
        if (self.points is None) == (self.reward is None):
            raise FieldValueError("give either points or reward")
        return self


class HoldRequest(SpendRequest):
    """Points to reserve; the ticket that they pay for is said when they are captured."""

    ticket_id: None = None


class CaptureRequest(_Wire):
    """Points of a hold to spend: all, or a part; the rest is free again."""

    points: Points | None = None
    ticket_id: ExternalId | None = None


class VoidRequest(_Wire):
    """Gives up a hold."""


class _Spent(BaseModel):
    points: int
    value_cents: int | None = Field(description="What the points are worth, if it is money.")
    reward: str | None
    inferred_points: int = Field(
        description="Of these, over links between records that nobody has verified, as far as the "
        "programme allows."
    )
    client_id: UUID
    balance: int = Field(description="Of the client, over all its records.")
    available: int = Field(description="What this spender could still spend.")


class RedemptionAnswer(_Spent):
    """Points that were spent."""

    posting_id: UUID


class HoldAnswer(_Spent):
    """Points that are reserved."""

    hold_id: UUID
    status: Literal["open"]
    expires_at: datetime


class HoldClosedAnswer(BaseModel):
    """The end of a hold."""

    hold_id: UUID
    status: Literal["captured", "voided"]
    points: int = Field(description="Spent; what was held beyond is free again.")
    posting_id: UUID | None


class QuoteLine(_Wire):
    """One product of the basket."""

    sku: Code | None = None
    category: ShortText | None = None
    amount_cents: Cents


class QuotePayment(_Wire):
    """One means of payment, where it decides what earns."""

    method: Annotated[str, StringConstraints(max_length=32)]
    amount_cents: Cents


class QuoteRequest(_Wire):
    """A basket, to be told what it would earn and what could be spent on it."""

    spender: SpenderNamed | None = None
    sold_at: Moment | None = Field(default=None, description="Default: now.")
    store: Code | None = None
    channel: Literal["store", "web", "app", "phone", "loyalty", "other"] = "store"
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    total_cents: Annotated[Whole, Field(ge=0, le=10**12)]
    lines: Annotated[list[QuoteLine], Field(max_length=500)] = []
    payments: Annotated[list[QuotePayment], Field(max_length=20)] = []


class RewardRead(BaseModel):
    """A reward of the catalogue."""

    code: str
    kind: Literal["euros_off", "gift"]
    points: int
    value_cents: int | None
    label: str


class QuoteAnswer(BaseModel):
    """What a basket would earn, and what could be spent; nothing was written."""

    programme_version: str
    earned: int = Field(description="All in all: with bonuses, and what a referral gives.")
    referral_points: int = Field(
        description="Of these, what a referral gives that waits for such a purchase."
    )
    rules: dict[str, Any] = Field(description="The rules that had a say in it.")
    available: int | None = Field(
        description="What the spender could redeem now, to the point. Null when none was named."
    )
    available_value_cents: int | None
    rewards: list[RewardRead] = Field(description="Those that the available points buy.")


class Expiring(BaseModel):
    """The points that lapse next."""

    points: int
    expires_on: date = Field(description="First day on which they can no longer be spent.")


class NextTierRead(BaseModel):
    """The tier above, and what is missing to reach it in this period."""

    code: str
    label: str
    missing: int


class TierStandingRead(BaseModel):
    """The tier of a client."""

    code: str
    label: str
    valid_until: date
    next: NextTierRead | None


class LoyaltyEntry(BaseModel):
    """One posting, as far as it moved this client's points."""

    posting_id: UUID
    kind: str
    points: int
    posted_at: datetime
    business_date: date
    source: str | None = Field(description="Of the ticket, if it is one's.")
    ticket_id: str | None
    inferred_points: int
    reason: str | None


class LoyaltyRead(BaseModel):
    """The points of a client, over all its records."""

    client_id: UUID
    balance: int
    available: int = Field(description="Active, not held, and what is owed taken off.")
    pending: int = Field(description="Not active yet.")
    held: int
    owed: int = Field(description="Had been earned by goods that came back, and were spent.")
    expiring: Expiring | None
    tier: TierStandingRead | None
    programme_version: str | None
    entries: list[LoyaltyEntry] = Field(description="The newest first.")


class ReferralCodeRequest(_Wire):
    """Who asks for the code to hand on."""

    client: SpenderNamed


class ReferralCodeRead(BaseModel):
    """The code that a client hands on, and whom it has brought."""

    code: str
    pending: int = Field(description="Brought, and yet to make a purchase that is large enough.")
    paid: int


class ReferralStated(_Wire):
    """That somebody new was brought, and by whose code."""

    message_id: MessageId
    referred: SpenderNamed
    code: Annotated[str, StringConstraints(min_length=4, max_length=32)] = Field(
        description="As it was handed on; spaces, dashes and small letters do not matter."
    )


class ReferralRead(BaseModel):
    """A referral that was taken; it is paid with a purchase."""

    referral_id: UUID
    status: Literal["pending"]


class TransferOfPoints(_Wire):
    """Points to give to somebody of the same household; both have to prove themselves."""

    message_id: MessageId
    giver: SpenderNamed
    receiver: SpenderNamed
    points: Points


class TransferAnswer(BaseModel):
    """Points that were given."""

    posting_id: UUID
    points: int
    available: int = Field(description="What the giver could still spend.")


class AdjustmentRequest(_Wire):
    """Points to give to a record, or to take from it (below zero)."""

    message_id: MessageId
    source: Code
    external_id: ExternalId
    points: Annotated[Whole, Field(ge=-(10**9), le=10**9)]
    reason: Reason = Field(description="Kept for ever; no personal data.")

    @model_validator(mode="after")
    def _moves_something(self) -> Self:
        if self.points == 0:
            raise FieldValueError("points is not zero")
        return self


class AdjustmentRead(BaseModel):
    """An adjustment: done, or waiting for somebody else's eyes."""

    adjustment_id: UUID
    status: Literal["proposed", "approved", "refused"]
    points: int
    posting_id: UUID | None


class DecisionOnAdjustment(_Wire):
    """Says nothing beside that it is decided."""


class ProgrammeActivate(_Wire):
    """A version of the programme, and from which business day on it holds."""

    document: dict[str, Any]
    effective_on: Day


class ActivationRead(BaseModel):
    """A version of the programme that was put in force."""

    version: str
    effective_on: date
    activated_at: datetime
    activated_by: str


class ProgrammeRead(BaseModel):
    """The programme in force today, and all activations, the newest first."""

    version: str | None
    document: dict[str, Any] | None
    activations: list[ActivationRead]

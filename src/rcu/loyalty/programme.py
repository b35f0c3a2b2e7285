"""The rules of a points programme: one validated, versioned document; pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from rcu.errors import FieldValueError

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Rate = Annotated[Decimal, Field(ge=0, le=1000, decimal_places=4)]
Factor = Annotated[Decimal, Field(ge=0, le=100, decimal_places=4)]
Points = Annotated[int, Field(strict=True, gt=0, le=10**9)]
PointsOrNone = Annotated[int, Field(strict=True, ge=0, le=10**9)]
Cents = Annotated[int, Field(strict=True, gt=0, le=10**9)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rounding(StrEnum):
    """How the points of a ticket become whole; once for each ticket, never for each line."""

    DOWN = "down"
    HALF_UP = "half_up"
    UP = "up"


class Combining(StrEnum):
    """What holds when several multipliers fit."""

    BEST = "best"
    """The highest one."""
    MULTIPLY = "multiply"
    """Their product."""


class Weekday(StrEnum):
    """A day of the week, in the time zone of the store."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class Conditions(_Part):
    """Where and when a multiplier holds: all that is given must fit, in any member of each."""

    categories: list[Text] | None = Field(default=None, description="Of ticket lines.")
    stores: list[Text] | None = None
    channels: list[Text] | None = None
    weekdays: list[Weekday] | None = None
    tiers: list[Slug] | None = None
    from_on: date | None = Field(default=None, description="First business day.")
    until_on: date | None = Field(default=None, description="Last business day.")


class Multiplier(_Part):
    """Points times a factor, under conditions."""

    code: Slug
    factor: Factor
    when: Conditions


class BonusKind(StrEnum):
    """What a bonus is for; each is given once in its period, to a client as then known."""

    FIRST_PURCHASE = "first_purchase"
    BIRTHDAY_MONTH = "birthday_month"
    """On the first sale in the month of birth, once a year."""


class Bonus(_Part):
    """Points beside those of the amount."""

    code: Slug
    kind: BonusKind
    points: Points


class Reward(_Part):
    """What points buy."""

    code: Slug
    kind: Literal["euros_off", "gift"]
    points: Points
    value_cents: Cents | None = None
    label: Text

    @model_validator(mode="after")
    def _euros_have_a_value(self) -> Self:
        if self.kind == "euros_off" and self.value_cents is None:
            raise FieldValueError("a reward of euros off has value_cents")
        return self


class FreeAmount(_Part):
    """What points are worth when any number may be spent."""

    points: Points = 100
    value_cents: Cents = 500


class Tier(_Part):
    """A tier, and from how many points or cents of a period on."""

    code: Slug
    label: Text
    from_: Annotated[int, Field(strict=True, ge=0, le=10**12, alias="from")]


class Tiers(_Part):
    """Tiers by what a client earned or spent in a period of the calendar.

    Who reaches a tier has it at once, for the rest of that period and the whole of the next;
    at the end of a period the tier is that which the period earned.
    """

    by: Literal["points", "spend_cents"] = "points"
    period_months: Literal[1, 3, 6, 12] = 12
    levels: Annotated[list[Tier], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _ascend_from_nothing(self) -> Self:
        bounds = [level.from_ for level in self.levels]
        if bounds[0] != 0 or sorted(set(bounds)) != bounds:
            raise FieldValueError("tiers begin at 0 and ascend")
        return self


class Referral(_Part):
    """Points for who brings somebody new, and for who is brought, on the first purchase of these.

    It is paid once for whoever was brought, for ever, on the first sale that earns on
    `minimum_cents` or more.
    """

    referrer_points: PointsOrNone
    referred_points: PointsOrNone
    minimum_cents: Annotated[int, Field(strict=True, ge=0, le=10**9)] = 0
    at_most: Annotated[int, Field(strict=True, gt=0, le=10_000)] = Field(
        default=10, description="Referrals that one referrer is paid for in a period."
    )
    period_months: Literal[1, 3, 6, 12] = 12
    """Of the calendar."""

    @model_validator(mode="after")
    def _pays_somebody(self) -> Self:
        if not self.referrer_points and not self.referred_points:
            raise FieldValueError("a referral gives points to one of the two at least")
        return self


class HouseholdTransfers(_Part):
    """Whether points can be given to somebody of the same household, and how many."""

    allowed: bool = False
    at_least: Points = 1
    """Of one transfer."""
    at_most: Points = 1000
    """Of one giver in a period."""
    period_months: Literal[1, 3, 6, 12] = 12
    """Of the calendar."""


class Programme(_Part):
    """How points are earned, when they can be spent, and what they buy."""

    version: Slug
    name: Text
    points_per_unit: Annotated[dict[Currency, Rate], Field(min_length=1, max_length=20)] = Field(
        description="Points for one unit of each currency; a currency not named earns nothing."
    )
    rounding: Rounding = Rounding.DOWN
    combining: Combining = Combining.BEST
    multipliers: Annotated[list[Multiplier], Field(max_length=500)] = []
    bonuses: Annotated[list[Bonus], Field(max_length=20)] = []
    excluded_categories: Annotated[list[Text], Field(max_length=200)] = []
    excluded_payment_methods: Annotated[list[Text], Field(max_length=20)] = Field(
        default=["points", "gift_card"],
        description="What was paid in this way earns nothing: the same money would earn twice.",
    )
    anonymous_sales_earn: bool = Field(
        default=True, description="They wait under the identifiers shown, until somebody owns them."
    )
    active_after_days: Annotated[int, Field(strict=True, ge=0, le=366)] = 0
    expires_after_months: Annotated[int, Field(strict=True, gt=0, le=240)] | None = None
    returns_below_zero: bool = Field(
        default=True,
        description="Whether points that goods brought back had earned are owed when they are "
        "spent already; else the retailer bears them.",
    )
    free_amount: FreeAmount | None = FreeAmount()
    rewards: Annotated[list[Reward], Field(max_length=500)] = []
    hold_minutes: Annotated[int, Field(strict=True, gt=0, le=60 * 24 * 31)] = 30
    inferred_spend_up_to: Annotated[int, Field(strict=True, ge=0, le=10**9)] = Field(
        default=0, description="Points of one spend that may come over links nobody has verified."
    )
    four_eyes_above: Annotated[int, Field(strict=True, ge=0, le=10**9)] = 1000
    tiers: Tiers | None = None
    referral: Referral | None = None
    household_transfers: HouseholdTransfers = HouseholdTransfers()

    @model_validator(mode="after")
    def _codes_are_unique(self) -> Self:
        groups = (self.multipliers, self.bonuses, self.rewards)
        codes = [part.code for group in groups for part in group]
        if len(codes) != len(set(codes)):
            raise FieldValueError("the codes of multipliers, bonuses and rewards are all different")
        levels = {level.code for level in self.tiers.levels} if self.tiers else set()
        named = {tier for rule in self.multipliers for tier in rule.when.tiers or ()}
        if named - levels:
            raise FieldValueError("a multiplier names a tier that the programme has not")
        return self

    @classmethod
    def from_text(cls, text: str | bytes) -> Programme:
        """Return the programme of a YAML or JSON text; raise `ValueError` when it is none.

        `pydantic.ValidationError`, which says what is wrong and where, is one.
        """
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise FieldValueError("not YAML or JSON") from error
        return cls.from_document(document)

    @classmethod
    def from_document(cls, document: Any) -> Programme:
        """Return the programme of a document as it was read from YAML, JSON or the database."""
        return cls.model_validate(document)

    @classmethod
    def shipped(cls) -> Programme:
        """Return the programme that comes with the service, for the demo and as a start."""
        return _shipped()

    def to_document(self) -> dict[str, Any]:
        """Return the document, of which `from_document` makes the same programme."""
        return self.model_dump(mode="json", by_alias=True)

    def reward(self, code: str) -> Reward | None:
        """Return the reward of the catalogue with this code, if there is one."""
        return next((reward for reward in self.rewards if reward.code == code), None)


@lru_cache(maxsize=1)
def _shipped() -> Programme:
    path = files("rcu.loyalty").joinpath("documents", "shipped.yml")
    return Programme.from_text(path.read_text(encoding="utf-8"))

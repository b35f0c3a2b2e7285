"""What becomes of a referral at a purchase of whom it brought; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID

from rcu.loyalty.programme import Referral
from rcu.loyalty.tiers import period_start


class ReferralStatus(StrEnum):
    """The life of a referral; once it is paid or refused, it stays so."""

    PENDING = "pending"
    """Until the first purchase that is large enough, and while the two are one client."""
    PAID = "paid"
    REFUSED = "refused"


class ReferralRefusal(StrEnum):
    """Why a referral is not taken, or not paid."""

    SAME_CLIENT = "same_client"
    """The two are one client."""
    SHARED_IDENTIFIERS = "shared_identifiers"
    """The two share what one person should hold alone."""
    ALREADY_REFERRED = "already_referred"
    """Somebody else, or the same, was named before: one referrer for ever."""
    BOUGHT_BEFORE = "bought_before"
    """Who was brought had bought before that was said."""
    CYCLE = "cycle"
    """Who was brought has brought the referrer, or somebody in between."""
    LIMIT_REACHED = "limit_reached"
    """The referrer was paid for as many as the programme allows, and there is nothing else."""


@dataclass(frozen=True, slots=True)
class KnownReferral:
    """A referral, with what the retailer knows of the two by now."""

    id: UUID
    referred_id: UUID
    referrer_id: UUID
    referrer_client_id: UUID
    status: str
    stated_on: date
    is_same_client: bool
    shares_identifiers: bool


@dataclass(frozen=True, slots=True)
class Due:
    """What a referral gives now; nothing for a referrer who has had the most."""

    referral: KnownReferral
    referrer_points: int
    referred_points: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A referral that is never paid, and why."""

    referral: KnownReferral
    reason: ReferralRefusal


@dataclass(frozen=True, slots=True)
class Purchase:
    """The sale at which a referral is looked at."""

    business_date: date
    amount_cents: int
    """As far as it earns."""
    first_on: date | None
    """Business day of the first sale known of the client."""


@dataclass(slots=True)
class ReferralBook:
    """The referrals of some clients, while their purchases are looked at one after another."""

    by_client: dict[UUID, list[KnownReferral]] = field(default_factory=dict)
    """By who was brought, in the order in which they were stated."""
    paid_days: dict[UUID, list[date]] = field(default_factory=dict)
    """By the client who brought them: the days of those that were paid to it."""
    decided: list[Due | Refused] = field(default_factory=list)

    @property
    def referrer_ids(self) -> frozenset[UUID]:
        """The records that may be paid for bringing somebody."""
        return frozenset(
            one.referrer_id
            for known in self.by_client.values()
            for one in known
            if one.status == ReferralStatus.PENDING
        )

    def decide(self, client_id: UUID, rule: Referral | None, purchase: Purchase) -> Due | None:
        """Decide the pending referrals of a client; return the one that is paid, if one is.

        Nothing is decided without a rule, nor by a purchase that is too small.
        """
        known = self.by_client.get(client_id, [])
        pending = [
            one for one in known if one.status == ReferralStatus.PENDING and not one.is_same_client
        ]
        if rule is None or not pending or purchase.amount_cents < rule.minimum_cents:
            return None
        is_paid = any(one.status == ReferralStatus.PAID for one in known)
        # Decided now, and for ever; those of the same client wait for what becomes of it.
        self.by_client[client_id] = [one for one in known if one not in pending]
        due: Due | None = None
        for one in pending:
            reason = refusal(one, first_on=purchase.first_on, is_paid=is_paid or due is not None)
            found = self._due(one, rule, purchase.business_date) if reason is None else None
            if found is None:
                self.decided.append(Refused(one, reason or ReferralRefusal.LIMIT_REACHED))
            else:
                due = found
                self.decided.append(found)
        return due

    def _due(self, one: KnownReferral, rule: Referral, day: date) -> Due | None:
        days = self.paid_days.setdefault(one.referrer_client_id, [])
        points = rule.referrer_points if paid_in_period(days, rule, day) < rule.at_most else 0
        if not points and not rule.referred_points:
            return None
        if points:
            days.append(day)
        return Due(one, points, rule.referred_points)


def refusal(one: KnownReferral, *, first_on: date | None, is_paid: bool) -> ReferralRefusal | None:
    """Return why a referral is not paid, or None when it is.

    `first_on` is the day of the first sale that is known of who was brought: one before the day of
    the referral shows that he was a client already, by whatever record. `is_paid` says that one
    was paid for him already.
    """
    if one.shares_identifiers:
        return ReferralRefusal.SHARED_IDENTIFIERS
    if first_on is not None and first_on < one.stated_on:
        return ReferralRefusal.BOUGHT_BEFORE
    return ReferralRefusal.ALREADY_REFERRED if is_paid else None


def paid_in_period(days: Iterable[date], rule: Referral, day: date) -> int:
    """Return how many referrals were paid in the period of the calendar that a day is in."""
    start = period_start(day, rule.period_months)
    return sum(period_start(paid, rule.period_months) == start for paid in days)

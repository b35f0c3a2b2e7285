"""The posting of a referral: points for who brought somebody, and for who was brought."""

from __future__ import annotations

from uuid import UUID

from rcu.loyalty.ledger import Draft, NewLot, posting_id
from rcu.loyalty.lots import active_from, expires_on
from rcu.loyalty.models import Counterpart, PostingKind
from rcu.loyalty.programme import Programme
from rcu.loyalty.referrals import Due
from rcu.loyalty.repository import TicketFact

REFERRER = "referrer"
"""Who brought somebody, in the rules of the posting."""


def draft_referral(
    fact: TicketFact, programme: Programme, due: Due, *, debts: dict[UUID, int]
) -> Draft:
    """Return the posting that pays a referral with the purchase that it waited for.

    The points have the days of those of the sale. What one of the two owes is paid from them, in
    `debts` as well.
    """
    referral = due.referral
    draft = Draft(
        posting_id("referral", referral.id),
        PostingKind.REFERRAL,
        fact.business_date,
        actor=f"source:{fact.source}",
        programme_version=programme.version,
        ticket_id=fact.id,
        rules={"referral": str(referral.id), REFERRER: str(referral.referrer_id)},
    )
    start = active_from(fact.business_date, after_days=programme.active_after_days)
    shares = (
        (referral.referrer_id, due.referrer_points),
        (referral.referred_id, due.referred_points),
    )
    for account_id, points in shares:
        if points:
            lot = NewLot(
                account_id=account_id,
                earned_at=fact.sold_at,
                active_from=start,
                expires_on=expires_on(start, months=programme.expires_after_months),
                timezone=fact.timezone,
                granted=points,
            )
            debts[account_id] = draft.give(lot, debt=debts.get(account_id, 0))
    draft.against(Counterpart.ISSUED)
    return draft

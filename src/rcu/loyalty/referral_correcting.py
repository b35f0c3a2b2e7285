"""Taking back what a referral gave, all of it at once, and giving it again."""

from __future__ import annotations

from dataclasses import replace

from rcu.loyalty.correcting import NewDays
from rcu.loyalty.ledger import Draft
from rcu.loyalty.models import Counterpart
from rcu.loyalty.past import Past, points_by_account
from rcu.loyalty.removed import GONE, removed_of
from rcu.loyalty.repository import KnownPosting


def correct_referral(
    draft: Draft, past: Past, paid: KnownPosting, *, is_to_go: bool, may_owe: bool, days: NewDays
) -> None:
    """Fill the posting that takes back what a referral gave, or gives it again.

    Who was brought owes what is missing, if he may; who brought him has brought nothing back, and
    never goes below zero by it.
    """
    draft.rules = {GONE: 1 if is_to_go else -1}
    removed = replace(removed_of(paid, past.postings), borne=0)
    for account, points in points_by_account(paid.entries).items():
        if is_to_go:
            owes = may_owe and account not in past.referrers()
            past.accounts.take(draft, account, points, given_by=paid.id, may_owe=owes)
        else:
            taken = sum(removed.lots_of(account).values()) + removed.debt_of(account)
            past.accounts.give_again(draft, account, taken, removed, days=days)
    draft.against(Counterpart.ISSUED)

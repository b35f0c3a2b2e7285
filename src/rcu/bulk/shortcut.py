"""The pairs that need no weighing: what parts them is plain, and nothing else can matter.

Half of the candidates share a family name and a town, or a sound and a birthday, and are two people
by their given names or birth dates. The decision on such a pair is the same whatever the rest says
(`identity.scoring`: a plain contradiction is looked at only when an identifier agrees), so the
bulk engine does not compare the rest. Tests hold the two together on fifty thousand pairs.
"""

from __future__ import annotations

from rcu.identity.comparison import compare_birth_dates
from rcu.identity.features import Features
from rcu.identity.levels import DIFFERENT, EXACT
from rcu.identity.model import Model
from rcu.identity.scoring import BIRTH_DATE, GIVEN_NAME, cached_names


def is_plainly_apart(a: Features, b: Features, model: Model) -> bool:
    """Tell whether a pair is certain to stay apart; when not, it has to be weighed."""
    if (a.others and b.others) or _has_contact_in_common(a, b):
        return False
    born = compare_birth_dates(a, b)
    if born == DIFFERENT and BIRTH_DATE not in model.excusable_differences:
        return True
    if cached_names(a, b, model).given.level != DIFFERENT:
        return False
    return not (born == EXACT and GIVEN_NAME in model.excusable_differences)


def _has_contact_in_common(a: Features, b: Features) -> bool:
    return (
        any(email in b.emails for email in a.emails)
        or any(phone in b.phones for phone in a.phones)
        or any(card in b.cards for card in a.cards)
    )

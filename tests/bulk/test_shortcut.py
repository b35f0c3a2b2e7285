"""What the bulk engine does not weigh is what weighing would keep apart."""

from __future__ import annotations

import pytest

from rcu.bulk.shortcut import is_plainly_apart
from rcu.identity.model import Model, ModelDocument
from rcu.identity.scoring import Decision, score_pair
from tests.bulk.crowd import SHOP_EMAIL, SHOP_PHONE, hard_pairs
from tests.identity.people import features

SHIPPED = Model.shipped()
SHARED = frozenset({("email", SHOP_EMAIL), ("phone", f"+33{SHOP_PHONE[1:]}")})


@pytest.mark.parametrize("excusable", [(), ("birth_date",), ("given_name",)])
def test_no_pair_that_would_reach_the_review_line_is_left_out(excusable: tuple[str, ...]) -> None:
    changes = {"excusable_differences": excusable, "review_weight": -30.0, "prior_bits": 0.0}
    model = Model(ModelDocument.model_validate(SHIPPED.document.model_dump() | changes))
    pairs = list(hard_pairs(10_000, seed=51))

    left_out = [pair for pair in pairs if is_plainly_apart(*pair, model)]

    assert len(left_out) > len(pairs) / 5
    for a, b in left_out:
        assert score_pair(a, b, model, shared=SHARED).decision is Decision.APART


def test_a_plain_contradiction_beside_a_common_identifier_is_weighed() -> None:
    mother = features("Enora", "Kervella", born="1980-01-05", email="kervella@orange.fr")
    son = features("Bruno", "Kervella", born="2004-09-17", email="kervella@orange.fr")

    assert not is_plainly_apart(mother, son, SHIPPED)
    assert is_plainly_apart(mother, features("Bruno", "Kervella", born="2004-09-17"), SHIPPED)

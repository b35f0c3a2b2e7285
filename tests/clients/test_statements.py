"""The order of statements: by time, and where that leaves a tie by record and value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rcu.clients.statements import (
    Statement,
    in_order,
    newest_first,
    newest_of,
    oldest_first,
    oldest_of,
)
from tests.clients.statements import stated

statements = st.lists(
    st.builds(
        stated,
        st.sampled_from(["Odile", {"value": "o@m.example"}, {"value": "p@m.example"}]),
        st.sampled_from(["app", "pos"]),
        day=st.integers(0, 3),
        external_id=st.sampled_from(["1", "2"]),
    ),
    min_size=1,
    max_size=6,
)


@given(statements)
def test_the_short_way_to_the_order_ends_where_the_long_one_does(said: list[Statement]) -> None:
    assert list(in_order(said)) == sorted(said, key=newest_first)
    assert newest_of(said) == min(said, key=newest_first)
    assert oldest_of(said) == min(said, key=oldest_first)

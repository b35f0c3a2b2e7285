"""Ids made by the service."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from rcu.ids import uuid7, uuid7_texts


def test_many_ids_made_at_once_are_distinct_in_order_and_as_new_as_one() -> None:
    before = uuid7()

    texts = uuid7_texts(1_000)

    ids = [UUID(text) for text in texts]
    assert sorted(set(ids)) == ids
    assert list(map(str, ids)) == texts
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert all(before.int >> 80 <= one.int >> 80 <= uuid7().int >> 80 for one in ids)


def test_ids_of_one_process_ascend_within_a_millisecond_too() -> None:
    made = [uuid7() for _ in range(5000)]

    assert made == sorted(set(made))
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}

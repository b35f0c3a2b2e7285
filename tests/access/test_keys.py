"""The written form of API keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.access.keys import new_key, read_key


def test_a_new_key_reads_back_and_opens_its_own_hash_only() -> None:
    made, other = new_key(), new_key()

    presented = read_key(made.text)

    assert presented is not None
    assert presented.public_id == made.public_id
    assert presented.opens(made.secret_hash)
    assert not presented.opens(other.secret_hash)


def test_a_key_has_the_length_that_secret_scanners_are_told() -> None:
    assert len(new_key().text) == len("rcu_") + 8 + 1 + 43 + 1 + 6


@given(place=st.integers(0, 61), letter=st.sampled_from("0aZ9_k"))
def test_one_wrong_character_is_found_without_the_database(place: int, letter: str) -> None:
    text = new_key().text
    place = min(place, len(text) - 1)
    mistyped = text[:place] + letter + text[place + 1 :]

    assert mistyped == text or read_key(mistyped) is None


@pytest.mark.parametrize("text", ["", "rcu_", "rcu_a_b_c", "Bearer", "rcu_" + "é" * 58])
def test_what_is_no_key_is_not_read(text: str) -> None:
    assert read_key(text) is None


def test_the_secret_does_not_show_in_the_representation() -> None:
    made = new_key()

    assert made.text not in repr(made)
    assert made.public_id in repr(made)

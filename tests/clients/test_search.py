"""What is typed, understood and scored, without a database."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from rcu.clients.golden import assemble
from rcu.clients.search import Candidate, Hit, closeness, is_too_vague, judge, understand
from rcu.clients.search_terms import near_forms, search_terms
from tests.clients.statements import profile

ID = UUID(int=1)
JEANNE: dict[str, Any] = {
    "given_name": "Jeanne-Marie",
    "family_name": "Le Gall",
    "birth_name": "Dupont",
    "birth_date": "12/03/1980",
    "emails": [{"value": "jm.legall@laposte.net"}],
    "phones": [{"value": "01 99 00 12 45"}],
    "cards": [{"value": "2900010012841"}],
    "addresses": [{"lines": ["3 rue Haute"], "postcode": "59000", "city": "Lille"}],
}


def found(typed: str, **attributes: Any) -> Hit | None:
    """Return the hit when both the index and the score find the one client there is."""
    records = [profile("pos", **(attributes or JEANNE))]
    terms = search_terms(records, assemble(records))
    parts = understand(typed)
    if is_too_vague(parts) or any(
        part.is_required and part.terms.isdisjoint(terms) for part in parts
    ):
        return None
    return judge(parts, Candidate(ID, terms))


def why(typed: str, **attributes: Any) -> list[str]:
    hit = found(typed, **attributes)
    return [f"{reason.attribute}: {reason.match}" for reason in hit.reasons] if hit else []


@pytest.mark.parametrize(
    ("typed", "reasons"),
    [
        ("le gall", ["family_name: same", "family_name: same"]),
        ("LEGALL", ["family_name: same"]),
        ("jeanne", ["given_name: same"]),
        ("jeannemarie", ["given_name: same"]),
        ("dupon", ["birth_name: starts with"]),
        ("dupotn", ["birth_name: one letter different"]),
        ("dup", ["birth_name: starts with"]),
        ("dupond lille", ["birth_name: one letter different", "city: same"]),
        ("dupont lile", ["birth_name: same", "city: sounds alike"]),
        ("gal j", ["family_name: starts with", "given_name: initial"]),
        ("dupont 59000", ["birth_name: same", "postcode: same"]),
        ("dupont 59", ["birth_name: same", "department: same"]),
        ("1980 dupont", ["birth_name: same", "birth_year: same"]),
        ("12/03/1980", ["birth_date: same"]),
        ("1245", ["phone: ends with"]),
        ("00 12 45", ["phone: ends with"]),
        ("0199001245", ["phone: ends with"]),
        ("+33 1 99 00 12 45", ["phone: ends with"]),
        ("jm.legall@laposte.net", ["email: same"]),
        ("2900010012841", ["card: same"]),
    ],
)
def test_what_a_seller_types_finds_the_client_and_says_why(typed: str, reasons: list[str]) -> None:
    assert why(typed) == reasons


@pytest.mark.parametrize(
    "typed", ["dupont paris", "durand", "dupont 75011", "dupont 1981", "9245", "le gall 9245"]
)
def test_what_the_client_does_not_meet_does_not_find_it(typed: str) -> None:
    assert found(typed) is None


def test_accents_do_not_matter() -> None:
    assert why("helene", given_name="Hélène") == ["given_name: same"]
    assert why("Hélène", given_name="HELENE") == ["given_name: same"]


def test_a_particle_may_be_written_apart_or_not() -> None:
    assert "family_name: same" in why("le uriot", family_name="Leuriot")
    assert "family_name: same" in why("leuriot", family_name="Le Uriot")


def test_a_diminutive_finds_the_full_name_and_the_other_way() -> None:
    assert why("cathy", given_name="Catherine") == ["given_name: diminutive"]
    assert why("catherine", given_name="Cathy") == ["given_name: diminutive"]


def test_a_name_of_two_letters_is_found_whole() -> None:
    assert why("li", family_name="Li") == ["family_name: same"]


@pytest.mark.parametrize("typed", ["", "   ", "?!", "j", "59", "j 59", "de"])
def test_what_could_be_anybody_is_too_vague(typed: str) -> None:
    assert is_too_vague(understand(typed))


def test_a_postcode_or_a_year_alone_is_read_as_the_end_of_a_phone_only() -> None:
    assert found("59000") is None
    assert found("1980") is None


def test_the_same_name_scores_above_a_similar_one() -> None:
    same = found("dupont", family_name="Dupont")
    similar = found("dupont", family_name="Dupond")

    assert same is not None
    assert similar is not None
    assert same.rank < similar.rank


def test_much_text_is_cut_to_a_bounded_search() -> None:
    assert len(understand("martin " * 200)) == 8


LETTERS = st.text("abcdefghinorst", min_size=4, max_size=10)


@settings(deadline=None)
@given(word=LETTERS, position=st.integers(0, 9), letter=st.sampled_from("abcdefghinorstxyz"))
def test_one_wrong_letter_always_shares_a_form_to_search_by(
    word: str, position: int, letter: str
) -> None:
    place = position % len(word)
    typed = word[:place] + letter + word[place + 1 :]

    assert not near_forms(word).isdisjoint(near_forms(typed))
    assert OSA.distance(word, typed) <= 1


@settings(deadline=None)
@given(typed=LETTERS, stored=LETTERS)
def test_closeness_is_none_same_or_between(typed: str, stored: str) -> None:
    close, how = closeness(typed, stored)

    assert 0 <= close <= 100
    assert (close == 100) == (typed == stored)
    assert bool(how) == bool(close)


@settings(deadline=None)
@given(typed=st.text(max_size=60))
def test_any_text_is_understood_or_too_vague(typed: str) -> None:
    for part in understand(typed):
        assert part.exact_terms <= part.terms

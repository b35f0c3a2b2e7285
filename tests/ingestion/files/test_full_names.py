"""A name in one cell, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.ingestion.files.full_names import NameOrder, split_full_name

GIVEN_FIRST, FAMILY_FIRST = NameOrder.GIVEN_FIRST, NameOrder.FAMILY_FIRST

ONE_WAY = [
    ("Mme Marie DUPONT", ("Mme", "Marie", "DUPONT")),
    ("DUPONT Marie", (None, "Marie", "DUPONT")),
    ("DE LA TOUR, Jean", (None, "Jean", "DE LA TOUR")),
    ("Smith, Mr John", ("Mr", "John", "Smith")),
    ("Marie-Claire LE BIHAN", (None, "Marie-Claire", "LE BIHAN")),
    ("P. DUPONT", (None, "P.", "DUPONT")),
    ("Dupont", (None, None, "Dupont")),
    ("Smith, Jr., John", (None, "John", "Smith Jr.")),
    ("SMITH, John A., III", (None, "John A.", "SMITH III")),
    ("SMITH, John A. Jr", (None, "John A. Jr", "SMITH")),
    ("Jean DUPONT Jr", (None, "Jean", "DUPONT Jr")),
    ("Dr John SMITH, MD", ("Dr MD", "John", "SMITH")),
    ("王伟", (None, "伟", "王")),
    ("欧阳晓明", (None, "晓明", "欧阳")),
    ("田中太郎", (None, "太郎", "田中")),
    ("김민준", (None, "민준", "김")),
    ("김 민준", (None, "민준", "김")),
    ("남궁민수", (None, "민수", "남궁")),
    ("  ", (None, None, None)),
    (",", (None, None, None)),
]
BY_ORDER = [
    ("Ana Ruiz", GIVEN_FIRST, ("Ana", "Ruiz")),
    ("Ana Ruiz", FAMILY_FIRST, ("Ruiz", "Ana")),
    ("MARIE DUPONT", GIVEN_FIRST, ("MARIE", "DUPONT")),
    ("Male Smith", GIVEN_FIRST, ("Male", "Smith")),
    ("J. Smith", GIVEN_FIRST, ("J.", "Smith")),
    ("John A. Smith Jr", GIVEN_FIRST, ("John A.", "Smith Jr")),
    ("JOHN SMITH, JR.", GIVEN_FIRST, ("JOHN", "SMITH JR.")),
    ("Smith John Jr", FAMILY_FIRST, ("John", "Smith Jr")),
    ("Neymar Junior", GIVEN_FIRST, ("Neymar", "Junior")),
    ("Juan Carlos de la Cruz", GIVEN_FIRST, ("Juan Carlos", "de la Cruz")),
    ("van den Berg Jan", FAMILY_FIRST, ("Jan", "van den Berg")),
    ("Ben Martin", GIVEN_FIRST, ("Ben", "Martin")),
    ("Le Goff", GIVEN_FIRST, (None, "Le Goff")),
    ("Le Goff", FAMILY_FIRST, (None, "Le Goff")),
    ("D. Arunima", GIVEN_FIRST, ("D.", "Arunima")),
    ("E. Smith", GIVEN_FIRST, ("E.", "Smith")),
    ("K.Ramesh", GIVEN_FIRST, ("K.", "Ramesh")),
    ("Ramesh.K", GIVEN_FIRST, ("Ramesh.", "K")),
    ("A.P.J.Abdul Kalam", GIVEN_FIRST, ("A. P. J. Abdul", "Kalam")),
    ("Mary O Brien", GIVEN_FIRST, ("Mary", "O Brien")),
]


@pytest.mark.parametrize("order", NameOrder)
@pytest.mark.parametrize(("text", "parts"), ONE_WAY)
def test_commas_and_capitals_say_what_is_what(
    text: str, parts: tuple[str | None, ...], order: NameOrder
) -> None:
    assert split_full_name(text, order) == parts


@pytest.mark.parametrize(("text", "order", "parts"), BY_ORDER)
def test_else_the_order_says(text: str, order: NameOrder, parts: tuple[str | None, str]) -> None:
    assert split_full_name(text, order)[1:] == parts


@given(st.text(), st.sampled_from(NameOrder))
def test_no_letter_is_lost_or_invented(text: str, order: NameOrder) -> None:
    parts = split_full_name(text, order)

    said = sorted(letter for part in parts if part for letter in part if letter != " ")
    assert said == sorted("".join(text.replace(",", " ").split()))

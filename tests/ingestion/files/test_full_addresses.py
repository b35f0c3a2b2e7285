"""An address in one cell, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.ingestion.files.full_addresses import split_full_address


@pytest.mark.parametrize(
    ("text", "line", "postcode", "city"),
    [
        ("12 Main St, Springfield, IL 62704", "12 Main St", "62704", "Springfield"),
        ("12 MAIN ST, AUSTIN TX 78701-1234", "12 MAIN ST", "78701-1234", "AUSTIN"),
        ("12 Main St Apt 4, Springfield, IL", "12 Main St Apt 4", None, "Springfield"),
        ("1234 Main Street", "1234 Main Street", None, None),
        ("12345 County Road 9, Springfield", "12345 County Road 9", None, "Springfield"),
        ("3 rue Haute 59000 Lille", "3 rue Haute", "59000", "Lille"),
        ("3 rue Haute, Bâtiment B, 59000 Lille", "3 rue Haute, Bâtiment B", "59000", "Lille"),
        ("3 rue Haute, Bâtiment B", "3 rue Haute, Bâtiment B", None, None),
        ("Flat 2, 10 High Street\nYork\nYO1 7HH", "Flat 2, 10 High Street", "YO1 7HH", "York"),
        ("10 High Street, York YO1 7HH", "10 High Street", "YO1 7HH", "York"),
        ("Hauptstraße 15, 10115 Berlin", "Hauptstraße 15", "10115", "Berlin"),
        ("Bahnhofstr. 4, CH-8001 Zürich", "Bahnhofstr. 4", "8001", "Zürich"),
        ("Keizersgracht 12, 1015 CS Amsterdam", "Keizersgracht 12", "1015 CS", "Amsterdam"),
        ("ul. Długa 5, 00-950 Warszawa", "ul. Długa 5", "00-950", "Warszawa"),
        ("5 George St, Sydney NSW 2000", "5 George St", "2000", "Sydney"),
        (
            "Rua Augusta 1500, São Paulo - SP, 01304-001",
            "Rua Augusta 1500",
            "01304-001",
            "São Paulo",
        ),
        (" ,", None, None, None),
    ],
)
def test_street_postcode_and_city_are_told_apart(
    text: str, line: str | None, postcode: str | None, city: str | None
) -> None:
    found = split_full_address(text)

    assert (found.lines, found.postcode, found.city) == ([line] if line else None, postcode, city)


def test_a_country_behind_the_address_is_no_city() -> None:
    found = split_full_address("Calle Mayor 5, 28013 Madrid, España")

    assert (found.city, found.country) == ("Madrid", "ES")


@given(st.text())
def test_any_text_is_taken_apart(text: str) -> None:
    assert len(split_full_address(text)) == 4

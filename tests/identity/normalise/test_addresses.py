"""Postal addresses: number, street, postcode and city out of any writing."""

import pytest

from rcu.identity.normalise.addresses import (
    normalise_address,
    normalise_city,
    normalise_postcode,
)


@pytest.mark.parametrize(
    "line",
    [
        "12 avenue du Général de Gaulle",
        "12, av. du Gal de Gaulle",
        "12 BIS AV DU GENERAL DE GAULLE",
        "Appt 4, 12 avenue du Général de Gaulle",
        "12 ave du Général de Gaulle Bât C Esc 2",
        "Résidence des Tilleuls, 12 avenue du Général de Gaulle",
        "12 avenue du Général de Gaulle Résidence des Tilleuls",
        "3e étage, 12 avenue du Général de Gaulle",
    ],
)
def test_one_door_in_many_writings(line: str) -> None:
    found = normalise_address((line,), "44000", "Nantes")

    assert found is not None
    assert (found.number, found.street) == ("12", "avenue general gaulle")


def test_a_number_in_the_name_of_the_street_is_no_house_number() -> None:
    found = normalise_address(("rue du 8 Mai 1945",), None, None)

    assert found is not None
    assert (found.number, found.street) == ("", "rue 8 mai 1945")


@pytest.mark.parametrize(
    ("line", "country", "number", "street"),
    [
        ("Hauptstraße 15", "DE", "15", "hauptstrasse"),
        ("Bahnhofstr. 162a", "DE", "162", "bahnhofstrasse"),
        ("ul. Krótka 3/4", "PL", "3", "ul krotka"),
        ("Calle del Sol 24 2ºB", "ES", "24", "calle del sol"),
        ("Via Garibaldi 7", "IT", "7", "via garibaldi"),
        ("Schoolstraat 5-A", "NL", "5", "schoolstraat"),
        ("rue de la Gare 5", "BE", "5", "rue gare"),
        ("12 Main St", "US", "12", "main street"),
        ("12 Main Street", "US", "12", "main street"),
        ("Hauptstraße 15, 2. Stock", "DE", "", "hauptstrasse 15 2 stock"),
    ],
)
def test_a_house_number_may_follow_its_street_abroad(
    line: str, country: str, number: str, street: str
) -> None:
    found = normalise_address((line,), None, None, country)

    assert found is not None
    assert (found.number, found.street) == (number, street)


@pytest.mark.parametrize(
    ("line", "street"),
    [
        ("16 Pennsylvania Avenue NW", "pennsylvania avenue nw"),
        ("16 Pennsylvania Ave NW", "pennsylvania avenue nw"),
        ("16 3rd St N", "3rd street n"),
        ("16 Danver Place, Loughborough", "danver place loughborough"),
        ("16 Lake Blvd", "lake boulevard"),
        ("16 Lake Boulevard East", "lake boulevard east"),
        ("Skyline House, 16 Sheppard Ave", "sheppard avenue"),
        ("16 bis boulevard Haut Est", "boulevard haut est"),
        ("16 Place Royale", "place royale"),
    ],
)
def test_the_kind_of_a_street_may_follow_its_name_abroad(line: str, street: str) -> None:
    found = normalise_address((line,), None, None, "CA")

    assert found is not None
    assert (found.number, found.street) == ("16", street)


def test_in_france_the_kind_of_a_street_leads_and_a_building_may_stand_before_it() -> None:
    found = normalise_address(("12 Le Clos, avenue Foch",), None, None)

    assert found is not None
    assert (found.number, found.street) == ("12", "avenue foch")


def test_a_street_of_another_country_keeps_its_words() -> None:
    found = normalise_address(("7 Wattle Place",), "2119", "Cleveland", "AU")

    assert found is not None
    assert (found.number, found.street, found.postcode) == ("7", "wattle place", "2119")


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("St-Herblain", "Saint Herblain"),
        ("STE-LUCE-SUR-LOIRE", "Sainte Luce s/ Loire"),
        ("NANTES CEDEX 3", "Nantes"),
        ("Paris 14e", "PARIS"),
        ("Lyon 3ème arrondissement", "lyon"),
        ("LeMans", "Le Mans"),
        ("Co. Mayo", "MAYO"),
        ("County Mayo", "Co Mayo"),
        ("Adams County", "adams"),
    ],
)
def test_one_city_in_many_writings(written: str, same: str) -> None:
    assert normalise_city(written) == normalise_city(same) != ""


def test_a_postcode_gets_its_leading_zero_back_in_france_only() -> None:
    assert normalise_postcode("1230") == "01230"
    assert normalise_postcode("44 000") == "44000"
    assert normalise_postcode("2119", country="AU") == "2119"
    assert normalise_postcode("00000") == ""


def test_an_empty_address_is_none() -> None:
    assert normalise_address((), None, "") is None
    assert normalise_address(("Appt 3",), None, None) is None


def test_a_postcode_is_the_same_with_its_country_and_with_its_delivery_route() -> None:
    assert normalise_postcode("D-10115", country="DE") == "10115"
    assert normalise_postcode("62704-1234", country="US") == "62704"
    assert normalise_postcode("00-950", country="PL") == "00950"


@pytest.mark.parametrize("word", ["nan", "N/A", "unknown", "inconnue", "NULL"])
def test_a_word_for_nothing_is_no_city_and_no_street(word: str) -> None:
    assert normalise_address((word,), word, word) is None


@pytest.mark.parametrize("written", ["Cork", "Coventry", "County", "Co"])
def test_a_city_that_begins_like_a_county_is_none(written: str) -> None:
    assert normalise_city(written) == written.lower()

"""Numbers that authorities give: one number in several spellings, and what is none."""

from __future__ import annotations

import pytest

from rcu.identity.normalise.other_identifiers import normalise_identifier, number_spelled


@pytest.mark.parametrize(
    "spellings",
    [
        ("123.456.789-09", "12345678909"),
        ("012.345.678-90", "01234567890", "1234567890"),
        ("19850412-1234", "198504121234", "850412-1234", "8504121234"),
        ("12345678-Z", "12345678z", "12345678Z"),
        ("078-05-1120", "078051120", "78051120"),
        ("RSSMRA85T10A562S", "rssmra85t10a562s"),
    ],
)
def test_one_number_in_several_spellings_is_one(spellings: tuple[str, ...]) -> None:
    assert len(set(map(number_spelled, spellings))) == 1


@pytest.mark.parametrize(
    "token",
    [
        "tok_4eC39HqLyjW",
        "550e8400-e29b-41d4-a716-446655440000",
        "AbCdEf",
        "ç12",
        "4111 1111",
        "0",
    ],
)
def test_a_token_is_its_own(token: str) -> None:
    assert number_spelled(token) == token


def test_two_numbers_stay_two() -> None:
    assert number_spelled("123.456.789-09") != number_spelled("123.456.789-90")
    assert number_spelled("198504121234") != number_spelled("198504121235")


@pytest.mark.parametrize("filler", ["000-00-0000", "999.999.999-99", "XXX-XX-XXXX", "--", "7777"])
def test_a_form_filled_with_one_character_is_no_number(filler: str) -> None:
    assert normalise_identifier(filler) is None


def test_a_number_that_a_spreadsheet_rounded_is_none() -> None:
    assert normalise_identifier("1,2346E+14") is None

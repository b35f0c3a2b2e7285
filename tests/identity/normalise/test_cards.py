"""Card numbers: separators, check digits, and the valid numbers next to a wrong one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.identity.normalise.cards import CardCheck, check_card, corrections, normalise_card

EAN = "4006381333931"
LUHN = "4539578763621486"


def test_separators_and_case_make_no_difference() -> None:
    assert normalise_card("4006 3813-3393.1") == EAN
    assert normalise_card("ab-1234") == "AB1234"


@pytest.mark.parametrize("filler", ["", "0000000000000", "123", "1234567890"])
def test_fillers_and_fragments_are_no_cards(filler: str) -> None:
    assert normalise_card(filler) is None


def test_check_digits_by_length() -> None:
    assert check_card(EAN) is CardCheck.VALID
    assert check_card("4006381333932") is CardCheck.SUSPICIOUS
    assert check_card(LUHN) is CardCheck.VALID
    assert check_card("4539578763621487") is CardCheck.SUSPICIOUS
    assert check_card("AB1234") is CardCheck.UNCHECKED
    assert check_card("1234567") is CardCheck.UNCHECKED


@pytest.mark.parametrize("card", [EAN, LUHN])
def test_every_wrong_digit_is_seen_and_leads_back(card: str) -> None:
    for i, right in enumerate(card):
        for digit in set("0123456789") - {right}:
            wrong = card[:i] + digit + card[i + 1 :]

            assert check_card(wrong) is CardCheck.SUSPICIOUS
            assert card in corrections(wrong)


def test_two_swapped_neighbours_lead_back() -> None:
    wrong = "4006318333931"

    assert check_card(wrong) is CardCheck.SUSPICIOUS
    assert EAN in corrections(wrong)


def test_a_number_without_check_digit_has_no_corrections() -> None:
    assert corrections("AB1234") == []


def test_a_number_that_a_spreadsheet_rounded_is_none() -> None:
    assert normalise_card("3.36123E+10") is None


@given(st.text("0123456789aZE+. é", max_size=14))
def test_a_card_with_nothing_to_clean_is_read_as_one_with_a_dash_behind(written: str) -> None:
    if "+" not in written:  # a number that a spreadsheet rounded is one to the letter
        assert normalise_card(written) == normalise_card(f"{written}-")

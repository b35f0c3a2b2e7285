"""Phone numbers: one line in many writings; fillers; overseas; landlines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.identity.normalise.phones import (
    foreign_phone,
    is_landline,
    is_placeholder_phone,
    normalise_phone,
)


@pytest.mark.parametrize(
    "written",
    [
        "0637194285",
        "06 37 19 42 85",
        "06.37.19.42.85",
        "06-37-19-42-85",
        "+33637194285",
        "+33 (0)6 37 19 42 85",
        "0033 6 37 19 42 85",
        "0033(0)637194285",
        "33637194285",
        "637194285",
        "\u200e+33 6 37 19 42 85",
    ],
)
def test_a_french_number_in_any_writing_is_one_number(written: str) -> None:
    assert normalise_phone(written) == "+33637194285"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0692 41 73 05", "+262692417305"),
        ("0693417305", "+262693417305"),
        ("0262417305", "+262262417305"),
        ("0639417305", "+262639417305"),
        ("+33 692 41 73 05", "+262692417305"),
        ("+262 692 41 73 05", "+262692417305"),
        ("0690417305", "+590690417305"),
        ("0590417305", "+590590417305"),
        ("0694417305", "+594694417305"),
        ("0696417305", "+596696417305"),
    ],
)
def test_overseas_numbers_get_their_own_country_code(written: str, number: str) -> None:
    assert normalise_phone(written) == number


def test_a_foreign_number_is_read_by_its_code_or_by_the_region() -> None:
    assert normalise_phone("+44 20 7946 0958") == "+442079460958"
    assert normalise_phone("020 7946 0958", region="GB") == "+442079460958"
    assert normalise_phone("+33 6 37 19 42 85", region="GB") == "+33637194285"


@pytest.mark.parametrize("written", ["", "12", "abc", "063719", "+", "06371942855555555555"])
def test_what_is_no_number_gives_none(written: str) -> None:
    assert normalise_phone(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "0600000000",
        "0123456789",
        "0612345678",
        "0102030405",
        "0606060606",
        "0111111111",
        "0666666666",
        "0999999999",
        "0987654321",
        "0800123123",
    ],
)
def test_fillers_are_nobodys_line(written: str) -> None:
    number = normalise_phone(written)

    assert number is not None
    assert is_placeholder_phone(number)


def test_a_persons_line_is_no_filler() -> None:
    assert not is_placeholder_phone("+33637194285")
    assert not is_placeholder_phone("+442079460958")


def test_landlines_are_told_from_mobiles() -> None:
    assert is_landline("+33240194285")
    assert is_landline("+262262417305")
    assert not is_landline("+33637194285")
    assert not is_landline("+262692417305")
    assert not is_landline("+442079460958")


def test_a_number_that_a_spreadsheet_rounded_is_none() -> None:
    assert normalise_phone("3.36123E+10") is None


def test_a_rounded_number_is_no_foreign_one_either() -> None:
    assert foreign_phone("3.36123456789E+11") is None


HEADS = ("", "0", "00", "0033", "0 033", "33", "+33", "(0)", "06", "1e")


@given(
    st.builds(str.__add__, st.sampled_from(HEADS), st.text("0123456789 .", max_size=13)),
    st.sampled_from(["FR", "BE", "US"]),
)
def test_a_number_with_nothing_to_clean_is_read_as_one_with_a_dash_behind(
    written: str, region: str
) -> None:
    assert normalise_phone(written, region=region) == normalise_phone(f"{written}-", region=region)


@given(st.integers(0, 96), st.integers(-1, 3))
def test_a_french_number_that_repeats_or_counts_by_pairs_is_a_filler(first: int, step: int) -> None:
    pairs = [first + step * n for n in range(4)]
    number = "+336" + "".join(f"{max(pair, 0):02}" for pair in pairs)

    counted = step in {0, 1} and max(pairs) < 100
    assert is_placeholder_phone(number) or not counted
    if step in {2, 3} and 10 < first < 80:
        assert not is_placeholder_phone(number)

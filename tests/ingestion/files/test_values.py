"""Cells become values; what could be read in two ways is refused, not guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.ingestion.files.values import (
    USUAL_EMPTY_VALUES,
    CellRefusedError,
    DateOrder,
    Reading,
    to_cents,
    to_day,
    to_number,
    to_structure,
    to_text,
    to_time,
)

PLAIN = Reading()
PARIS = Reading(zone=ZoneInfo("Europe/Paris"))
AMERICAN = Reading(date_order=DateOrder.MDY)


@pytest.mark.parametrize(
    ("text", "reading", "pattern", "expected"),
    [
        ("2025-03-01T10:20:30Z", PLAIN, None, "2025-03-01T10:20:30Z"),
        ("2025-03-01 10:20:30+01:00", PLAIN, None, "2025-03-01T09:20:30Z"),
        ("2025-03-01 10:20:30 UTC", PLAIN, None, "2025-03-01T10:20:30Z"),
        ("2025-07-01 10:20", PARIS, None, "2025-07-01T08:20:00Z"),
        ("03/04/2025", PLAIN, None, "2025-04-03T00:00:00Z"),
        ("03/04/2025", AMERICAN, None, "2025-03-04T00:00:00Z"),
        ("3.4.2025 9:05", PARIS, None, "2025-04-03T07:05:00Z"),
        ("2025/4/3", PLAIN, None, "2025-04-03T00:00:00Z"),
        ("20250403-0905", PARIS, "%Y%m%d-%H%M", "2025-04-03T07:05:00Z"),
        ("1735689600", PARIS, "epoch", "2025-01-01T00:00:00Z"),
        ("1735689600000", PARIS, "epoch_ms", "2025-01-01T00:00:00Z"),
    ],
)
def test_times_come_out_in_utc(
    text: str, reading: Reading, pattern: str | None, expected: str
) -> None:
    assert to_time(text, reading, pattern) == expected


@pytest.mark.parametrize("text", ["31/02/2025", "yesterday", "2025-13-01", "99999999999999"])
def test_what_is_no_time_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(CellRefusedError) as refusal:
        to_time(text, PLAIN, None)

    assert text not in str(refusal.value)


def test_a_business_day_is_not_moved_by_a_time_zone() -> None:
    assert to_day("2025-03-01T23:30:00-05:00", PARIS, None) == "2025-03-01"


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12,50", 1250),
        ("12.5", 1250),
        ("-7", -700),
        ("1 234,50 €", 123450),
        ("1\u202f234,50", 123450),
        ("1.234,50", 123450),
        ("1,234.50", 123450),
        ("1,234,567.00", 123456700),
    ],
)
def test_euros_become_cents(text: str, cents: int) -> None:
    assert to_cents(text, in_euros=True) == cents


@pytest.mark.parametrize(
    "text", ["1,234", "1,230", "1.000", "12,505", "1,2,3.4,5", "free", "NaN", "1e400"]
)
def test_an_amount_that_could_mean_two_things_is_refused(text: str) -> None:
    with pytest.raises(CellRefusedError):
        to_cents(text, in_euros=True)


def test_euros_in_a_column_of_cents_are_refused() -> None:
    assert to_cents("1250.0", in_euros=False) == 1250
    with pytest.raises(CellRefusedError, match="euros"):
        to_cents("12.50", in_euros=False)


@given(st.integers(-(10**12), 10**12))
def test_any_amount_survives_its_french_and_its_english_writing(cents: int) -> None:
    english = f"{Decimal(cents) / 100:,.2f}"
    french = english.replace(",", " ").replace(".", ",")

    assert to_cents(english, in_euros=True) == to_cents(french, in_euros=True) == cents


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("  a ", "a"),
        (" ", None),
        (None, None),
        (float("nan"), None),
        (75014.0, "75014"),
        (Decimal("1.50"), "1.50"),
        (date(2025, 3, 1), "2025-03-01"),
        (datetime(2025, 3, 1, tzinfo=UTC), "2025-03-01T00:00:00+00:00"),
        (True, "true"),
    ],
)
def test_cells_of_any_format_have_one_text(cell: object, text: str | None) -> None:
    assert to_text(cell, PLAIN) == text


@pytest.mark.parametrize("word", ["NULL", "nan", "None", "N/A", "#N/A", "<NA>", r"\N", "-", "NaT"])
def test_what_programs_write_for_nothing_is_nothing(word: str) -> None:
    assert to_text(word, Reading(usual_empty_values=USUAL_EMPTY_VALUES)) is None


@pytest.mark.parametrize("word", ["Null", "none", "Nan", "0", "x"])
def test_names_and_values_are_not_nothing(word: str) -> None:
    assert to_text(word, Reading(usual_empty_values=USUAL_EMPTY_VALUES)) == word


def test_words_may_mean_empty() -> None:
    assert to_text("NULL", Reading(empty_values=frozenset({"NULL"}))) is None


def test_a_list_is_no_text() -> None:
    with pytest.raises(CellRefusedError):
        to_text(["a"], PLAIN)


def test_leading_zeros_and_table_tools_zeros_are_no_part_of_a_number() -> None:
    assert (to_number("0012"), to_number("12.0")) == (12, 12)


def test_nulls_inside_a_structure_are_left_out() -> None:
    assert to_structure('[{"sku": "A", "label": null}]') == [{"sku": "A"}]
    with pytest.raises(CellRefusedError):
        to_structure("A")

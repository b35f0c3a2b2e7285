"""What the first rows of a file tell of how it is written; a doubt is told, not decided."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rcu.identity.normalise.dates import comparable_birth_date
from rcu.ingestion.files.errors import FileRefusedError
from rcu.ingestion.files.findings import first_findings
from rcu.ingestion.files.mapping import parse_mapping
from rcu.ingestion.files.plan import Options, Plan, make_plan
from rcu.ingestion.files.reading import Row, Sample
from rcu.ingestion.messages import ProfileMessage

SOURCES = frozenset({"pos"})


def sample_of(rows: list[dict[str, Any]]) -> Sample:
    numbered = tuple(Row(n + 1, cells, number=n) for n, cells in enumerate(rows, start=1))
    return Sample(tuple(rows[0]), numbered)


def plan_of(rows: list[dict[str, Any]], mapping: str = "") -> Plan:
    options = Options(file_time=datetime(2025, 6, 1, tzinfo=UTC), source="pos")
    return make_plan(sample_of(rows), parse_mapping(mapping), options, SOURCES)


def born(plan: Plan, text: str) -> str | None:
    """Return the birth date that a cell of such a file is compared by."""
    message = plan.mapper.message({"id": "1", "dob": text})
    assert isinstance(message, ProfileMessage)
    return comparable_birth_date(message.birth_date) if message.birth_date else None


def persons(*dates: str) -> list[dict[str, Any]]:
    return [{"id": str(n), "dob": text} for n, text in enumerate(dates)]


def told(rows: list[dict[str, Any]], mapping: str = "") -> str:
    found = first_findings(sample_of(rows), plan_of(rows, mapping), SOURCES, region="FR")
    return "\n".join(found)


@pytest.mark.parametrize(
    ("dates", "text", "day"),
    [
        (("12/25/1980", "07/31/1991", "3/14/2001"), "03/04/1980", "1980-03-04"),
        (("25/12/1980", "31/07/1991", "14/3/2001"), "03/04/1980", "1980-04-03"),
        (("12/25/80", "07/31/91", "3/14/01"), "03/04/80", "1980-03-04"),
        (("80-12-25", "91-07-31", "61-3-14"), "03-04-05", "2003-04-05"),
        (("12/25/1980 00:00", "07/31/1991 00:00", "3/14/2001 00:00"), "3/4/1980", "1980-03-04"),
        (("01/02/1980", "03/04/1980", "05/06/1980"), "03/04/1980", "1980-04-03"),
        (("29221", "33450", "36894"), "29221", "1980-01-01"),
        (("1950", "1960", "1970"), "1950", "1950-01-01"),
    ],
    ids=["month", "day", "short_month", "year", "with_time", "untold", "day_counts", "years"],
)
def test_dates_are_read_as_most_of_them_can_only_be(
    dates: tuple[str, ...], text: str, day: str
) -> None:
    assert born(plan_of(persons(*dates)), text) == day


def test_an_order_that_is_inferred_is_told_and_the_mapping_wins() -> None:
    american = persons("12/25/1980", "07/31/1991", "3/14/2001")

    assert "month first: 3 of the first 3 rows" in " ".join(plan_of(american).notes)
    assert born(plan_of(american, "date_order: dmy"), "03/04/1980") == "1980-04-03"


def test_a_file_of_two_orders_is_told_and_nothing_decided() -> None:
    both = persons("12/25/1980", "07/31/1991", "3/14/2001", "25/12/1980", "31/07/1991")

    plan = plan_of(both)

    assert "Say date_order" in " ".join(plan.notes)
    assert born(plan, "03/04/1980") == "1980-04-03"


def test_one_odd_date_among_many_does_not_turn_the_order() -> None:
    french = persons(*["25/12/1980"] * 10, "12/25/1980")

    assert born(plan_of(french), "03/04/1980") == "1980-04-03"


def test_the_decimal_of_a_table_tool_is_no_part_of_a_number() -> None:
    row = {
        "id": "7.0",
        "phone": "639980001.0",
        "zip": "59000.0",
        "city": "nan",
        "dob": "19800403.0",
    }
    rows = [row] * 3

    message = plan_of(rows).mapper.message(row)

    assert isinstance(message, ProfileMessage)
    assert message.external_id == "7.0"
    assert message.phones
    assert message.phones[0].value == "639980001"
    assert message.addresses
    assert message.addresses[0].postcode == "59000"
    assert message.addresses[0].city is None
    assert message.birth_date == "19800403"


def test_a_column_that_holds_other_numbers_too_keeps_its_points() -> None:
    rows = [{"id": "1", "phone": text} for text in ("12.0", "06.39.98.00.01", "3.0")]

    message = plan_of(rows).mapper.message(rows[0])

    assert isinstance(message, ProfileMessage)
    assert message.phones
    assert message.phones[0].value == "12.0"


def test_namibia_is_a_country_and_nan_a_free_attribute() -> None:
    row = {"id": "1", "city": "NA", "country": "NA", "level": "nan", "store": "NA"}
    mapping = "fields: {attributes.level: level}"

    message = plan_of([row], mapping).mapper.message(row)

    assert isinstance(message, ProfileMessage)
    assert message.addresses
    assert message.addresses[0].country == "NA"
    assert message.addresses[0].city is None
    assert message.attributes == {"level": "nan"}
    assert message.preferred_store == "NA"


def test_a_date_that_is_not_understood_is_told_and_counted() -> None:
    rows = persons("unknown", "5 foo 1980", "03/04/1980", "1900-01-01", "0000-00-00", "")

    assert "birth_date (dob): 1 of 6 rows hold a text that is no date" in told(rows)


def test_words_for_nothing_and_ids_that_repeat_are_told() -> None:
    rows = [{"id": "1", "email": "nan"}, {"id": "1", "email": "nan"}, {"id": "2", "email": "NULL"}]

    said = told(rows)

    assert "nan (2), NULL (1)" in said
    assert "1 of the first 3 rows have the id of an earlier row (id)" in said


def test_what_is_told_holds_no_value_of_a_person() -> None:
    rows = [{"id": "1", "dob": "Zoé", "email": "zoe.martin", "phone": "12"}]

    said = told(rows)

    assert all(field in said for field in ("birth_date (dob)", "emails (email)", "phones (phone)"))
    assert not any(value in said for value in ("Zoé", "zoe.martin", "12"))


def test_a_file_without_ids_is_counted_row_by_row() -> None:
    rows = [{"name": "Zoé Martin"}, {"name": "Ann Rey"}]

    plan = plan_of(rows, "fields: {external_id: {row_number: true}}")

    ids = [plan.mapper.message(row.cells, row.number) for row in sample_of(rows).rows]
    assert [one.external_id for one in ids if isinstance(one, ProfileMessage)] == ["1", "2"]


def test_rows_that_were_refused_are_not_counted_anew() -> None:
    rows = [{"name": "Zoé Martin", "rejected_line": "7", "rejected_reason": "x"}]

    with pytest.raises(FileRefusedError, match="other numbers"):
        plan_of(rows, "fields: {external_id: {row_number: true}}")


@pytest.mark.parametrize("written", ['"Zoé Rey" <zoe@example.org>', "Zoé<zoe@example.org>"])
def test_the_name_before_an_email_in_brackets_is_none_of_it(written: str) -> None:
    row = {"id": "1", "email": written}

    message = plan_of([row]).mapper.message(row)

    assert isinstance(message, ProfileMessage)
    assert [one.value for one in message.emails or ()] == ["zoe@example.org"]


@pytest.mark.parametrize("between", ["; ", ", ", " / ", " "])
def test_two_emails_in_one_cell_are_two(between: str) -> None:
    row = {"id": "1", "email": f"zoe@example.org{between}zm@example.org"}

    message = plan_of([row]).mapper.message(row)

    assert isinstance(message, ProfileMessage)
    assert [one.value for one in message.emails or ()] == ["zoe@example.org", "zm@example.org"]


def test_members_of_nested_lists_are_reached() -> None:
    row = {
        "id": 1,
        "name": {"first": "Zoé"},
        "phones": [{"number": "0639980001"}, {"number": None}],
    }
    mapping = "fields: {given_name: name.first, phones: phones.number}"

    message = plan_of([row], mapping).mapper.message(row)

    assert isinstance(message, ProfileMessage)
    assert message.given_name == "Zoé"
    assert [one.value for one in message.phones or ()] == ["0639980001"]


def test_the_only_column_of_addresses_holds_postcode_and_city_too() -> None:
    row = {"id": "1", "name": "Zoé", "address": "3 rue Haute, 59000 Lille", "country": "BE"}

    plan = plan_of([row])
    message = plan.mapper.message(row)

    assert "address is the only column of addresses" in " ".join(plan.notes)
    assert isinstance(message, ProfileMessage)
    assert message.model_dump(exclude_unset=True)["addresses"] == [
        {"lines": ["3 rue Haute"], "postcode": "59000", "city": "Lille", "country": "BE"}
    ]


def test_lines_beside_a_postcode_stay_whole() -> None:
    row = {"id": "1", "name": "Zoé", "address": "3 rue Haute, Lille", "zip": "59000"}

    message = plan_of([row]).mapper.message(row)

    assert isinstance(message, ProfileMessage)
    assert message.model_dump(exclude_unset=True)["addresses"] == [
        {"lines": ["3 rue Haute, Lille"], "postcode": "59000"}
    ]


def test_a_row_that_says_no_postcode_and_no_city_may_say_them_in_its_line() -> None:
    apart = {"id": "1", "name": "Zoé", "address": "9 Oak Rd", "city": "Lima", "zip": "45801"}
    whole = {"id": "2", "name": "Ann", "address": "9 Oak Rd, Lima OH 45801", "city": "", "zip": ""}

    message = plan_of([apart, whole]).mapper.message(whole)

    assert isinstance(message, ProfileMessage)
    assert message.model_dump(exclude_unset=True)["addresses"] == [
        {"lines": ["9 Oak Rd"], "postcode": "45801", "city": "Lima"}
    ]


def test_a_street_alone_stays_a_street() -> None:
    row = {"id": "1", "name": "Zoé", "address": "9 Oak Road", "city": "", "zip": ""}

    message = plan_of([row]).mapper.message(row)

    assert isinstance(message, ProfileMessage)
    assert message.model_dump(exclude_unset=True)["addresses"] == [{"lines": ["9 Oak Road"]}]


def test_a_file_that_begins_with_a_record_is_told_how_to_name_its_columns() -> None:
    with pytest.raises(FileRefusedError, match="`header`"):
        plan_of([{"1": "2", "Ann": "Bob", "ann@example.org": "bob@example.org"}])
    with pytest.raises(FileRefusedError) as refusal:
        plan_of([{"nom": "Rey"}])
    assert "row_number" in str(refusal.value)
    assert "header" not in str(refusal.value)

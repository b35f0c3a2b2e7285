"""What an import decides by the names of columns, by the mapping, and by the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from rcu.ingestion.files.errors import FileRefusedError, MappingRefusedError
from rcu.ingestion.files.mapping import parse_mapping, read_mapping
from rcu.ingestion.files.plan import Options, Plan, SourceRule, make_plan
from rcu.ingestion.files.reading import Row, Sample
from rcu.ingestion.files.rows import RowRefusedError
from rcu.ingestion.files.targets import TARGETS
from rcu.ingestion.files.values import DateOrder
from rcu.ingestion.messages import MESSAGE_MODELS, MessageType, ProfileMessage
from tests.ingestion.files.test_mapping import EXAMPLES

SOURCES = ("pos", "eshop", "call_centre")
FILE_TIME = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def plan_of(
    cells: dict[str, Any], mapping: str = "", *, source: str | None = "pos", **options: Any
) -> Plan:
    sample = Sample(columns=tuple(cells), rows=(Row(2, cells),))
    chosen = Options(file_time=FILE_TIME, source=source, **options)
    return make_plan(sample, parse_mapping(mapping), chosen, SOURCES)


def understood(cells: dict[str, Any], mapping: str = "", **options: Any) -> dict[str, Any]:
    """Return the message that a row makes, as its sender would write it, without its id."""
    message = plan_of(cells, mapping, **options).mapper.message(cells)
    return message.model_dump(mode="json", exclude_unset=True, exclude={"message_id"})


def test_a_profile_needs_no_mapping_when_its_columns_have_usual_names() -> None:
    assert understood(
        {
            "record_id": "P1",
            "updated_at": "2025-03-01T10:00:00Z",
            "Prénom": "Zoé",
            "nom": "Martin",
            "date_of_birth": "03/04/1980",
            "email": "zoe@example.org",
            "email_2": "zm@example.org",
            "phone": "06 39 98 00 01",
            "card_number": "2900000000001",
            "address": "1 rue Haute",
            "Code Postal": "59000",
            "ville": "Lille",
        }
    ) == {
        "external_id": "P1",
        "occurred_at": "2025-03-01T10:00:00Z",
        "given_name": "Zoé",
        "family_name": "Martin",
        "birth_date": "03/04/1980",
        "emails": [{"value": "zoe@example.org"}, {"value": "zm@example.org"}],
        "phones": [{"value": "06 39 98 00 01"}],
        "cards": [{"value": "2900000000001"}],
        "addresses": [{"lines": ["1 rue Haute"], "postcode": "59000", "city": "Lille"}],
    }


@pytest.mark.parametrize(
    ("cells", "mapping", "names"),
    [
        ({"name": "Zoé Martin"}, "", ("Zoé", "Martin")),
        ({"Nom complet": "MARTIN Zoé"}, "", ("Zoé", "MARTIN")),
        ({"name": "Martin Rey", "first_name": "Zoé"}, "", ("Zoé", "Martin Rey")),
        ({"client": "Martin Zoé"}, "{column: client, order: family_first}", ("Zoé", "Martin")),
        ({"client": "Z Rey", "prenom": "Zoé"}, "client", ("Zoé", "Rey")),
    ],
    ids=["by_name", "french", "beside_a_given_name", "family_first", "own_column_wins"],
)
def test_a_name_in_one_cell_is_taken_apart(
    cells: dict[str, str], mapping: str, names: tuple[str, str]
) -> None:
    said = understood({"id": "P1"} | cells, f"fields: {{full_name: {mapping}}}" if mapping else "")

    assert (said["given_name"], said["family_name"]) == names


def test_a_ticket_needs_no_mapping_when_its_columns_have_usual_names() -> None:
    assert understood(
        {
            "ticket_id": "T1",
            "kind": "return",
            "store_id": "S1",
            "till": "01",
            "number": 12,
            "business_date": "2025-03-01",
            "sold_at": "2025-03-01T10:00:00Z",
            "total_cents": -500,
            "lines": [{"sku": "A", "amount_cents": -500, "quantity": -1, "label": None}],
            "payment_token": "par_000001",
            "original_ticket_id": "T0",
            "customer_ref": None,
            "card_number": "2900000000001",
            "email": "",
        }
    ) == {
        "ticket_id": "T1",
        "kind": "return",
        "store": "S1",
        "till": "01",
        "number": 12,
        "business_date": "2025-03-01",
        "sold_at": "2025-03-01T10:00:00Z",
        "total_cents": -500,
        "lines": [{"sku": "A", "amount_cents": -500, "quantity": -1.0}],
        "payments": [{"payment_token": "par_000001"}],
        "original": {"ticket_id": "T0"},
        "customer": {"card": "2900000000001"},
    }


def test_the_fields_of_the_api_are_columns_too() -> None:
    message = {
        "message_id": "m-1",
        "order_id": "O1",
        "status": "placed",
        "occurred_at": "2025-03-01T10:00:00Z",
        "currency": "EUR",
        "total_cents": 100,
        "customer": {"email": "zoe@example.org"},
    }

    made = plan_of(message).mapper.message(message)

    assert made.model_dump(mode="json", exclude_unset=True) == message


def test_an_event_may_have_open_properties() -> None:
    assert understood(
        {
            "event_name": "page_viewed",
            "timestamp": "2025-03-01T10:00:00Z",
            "user_id": "U1",
            "properties.page": "/shoes",
        }
    ) == {
        "name": "page_viewed",
        "occurred_at": "2025-03-01T10:00:00Z",
        "customer": {"external_id": "U1"},
        "properties": {"page": "/shoes"},
    }


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("record_id,email,phone", MessageType.PROFILE),
        ("ticket_id,sold_at,total_cents,email", MessageType.TICKET),
        ("store,till,number,sold_at,total_cents,order_id", MessageType.TICKET),
        ("order_id,status,occurred_at,total_cents", MessageType.ORDER),
        ("event,occurred_at,customer_id", MessageType.EVENT),
        ("name,occurred_at,customer,properties", MessageType.EVENT),
    ],
)
def test_the_type_is_guessed_from_the_columns(columns: str, expected: MessageType) -> None:
    cells = {"external_id": "1", "status": "placed", "total_cents": 1, "sold_at": "2025-01-01"}
    plan = plan_of({name: cells.get(name, "x") for name in columns.split(",")})

    assert (plan.type, plan.type_is_guessed) == (expected, True)


def test_a_type_that_cannot_be_guessed_is_asked_for() -> None:
    with pytest.raises(FileRefusedError, match="--type"):
        plan_of({"a": "1", "b": "2"})


def test_an_empty_cell_says_nothing_unless_the_mapping_says_that_it_clears() -> None:
    cells = {"external_id": "1", "occurred_at": "2025-01-01", "email": "", "city": " ", "title": ""}
    said = {"external_id": "1", "occurred_at": "2025-01-01T00:00:00Z"}

    assert understood(cells, type=MessageType.PROFILE) == said
    assert understood(cells, "empty: clear", type=MessageType.PROFILE) == said | {
        "emails": None,
        "addresses": None,
        "title": None,
    }


def test_a_mapping_renames_joins_splits_replaces_and_fills_in() -> None:
    cells = {
        "num": "1",
        "maj": "03/04/2025 10:30",
        "civ": "2",
        "usage": "",
        "naissance": "Petit",
        "tels": "0639980001 / 0639980002",
        "no": "12",
        "voie": "rue Basse",
        "mail": "zoe@example.org",
        "ok": "oui",
        "note": "left out",
    }
    mapping = """
        timezone: Europe/Paris
        ignore: [note]
        fields:
          external_id: num
          occurred_at: maj
          title: {column: civ, values: {1: M., 2: Mme}}
          family_name: [usage, naissance]
          phones: {column: tels, split: /}
          address.lines: [{columns: [no, voie]}]
          address.country: {constant: FR}
          language: {constant: fr}
          emails: {column: mail, verified: ok}
    """

    assert understood(cells, mapping) == {
        "external_id": "1",
        "occurred_at": "2025-04-03T08:30:00Z",
        "title": "Mme",
        "family_name": "Petit",
        "phones": [{"value": "0639980001"}, {"value": "0639980002"}],
        "addresses": [{"lines": ["12 rue Basse"], "country": "FR"}],
        "language": "fr",
        "emails": [{"value": "zoe@example.org", "verified": True}],
    }


def test_a_constant_country_is_no_address_by_itself() -> None:
    cells = {"external_id": "1", "email": "zoe@example.org", "city": ""}

    assert "addresses" not in understood(cells, "fields: {address.country: {constant: FR}}")


def test_a_febrl_row_is_understood_by_the_example() -> None:
    cells = {
        "rec_id": "rec-1-org",
        "given_name": "anna",
        "surname": "nguyen",
        "street_number": "7",
        "address_1": "hill street",
        "address_2": "",
        "suburb": "carlton",
        "postcode": "3053",
        "state": "vic",
        "date_of_birth": "19710230",
        "soc_sec_id": "1234567",
    }
    sample = Sample(columns=tuple(cells), rows=(Row(2, cells),))
    mapping = read_mapping(EXAMPLES / "febrl.yml")

    plan = make_plan(sample, mapping, Options(file_time=FILE_TIME, source="pos"), SOURCES)
    message = plan.mapper.message(cells)

    assert plan.unused == ()
    assert isinstance(message, ProfileMessage)
    assert message.model_dump(mode="json", exclude_unset=True, exclude={"message_id"}) == {
        "external_id": "rec-1-org",
        "occurred_at": "2020-01-01T00:00:00Z",
        "given_name": "anna",
        "family_name": "nguyen",
        "birth_date": "19710230",
        "addresses": [
            {"lines": ["7 hill street"], "postcode": "3053", "city": "carlton", "country": "AU"}
        ],
        "attributes": {"state": "vic"},
        "identifiers": [{"kind": "national_id", "value": "1234567"}],
    }


def test_the_mapping_wins_over_the_default_order_of_dates() -> None:
    cells = {"external_id": "1", "occurred_at": "03/04/2025", "email": "x"}

    american = understood(cells, date_order=DateOrder.MDY)
    french = understood(cells, "date_order: dmy", date_order=DateOrder.MDY)

    assert american["occurred_at"] == "2025-03-04T00:00:00Z"
    assert french["occurred_at"] == "2025-04-03T00:00:00Z"


def test_euros_are_read_where_the_mapping_says_so() -> None:
    cells = {"ticket_id": "T1", "sold_at": "2025-03-01T10:00Z", "ttc": "1 234,50"}

    made = understood(cells, "fields: {total_cents: {column: ttc, unit: euros}}")

    assert made["total_cents"] == 123450


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ("fields: {birth_dat: a}", "Did you mean birth_date?"),
        ("fields: {external_id: recordid}", "no column recordid. Did you mean record_id?"),
        ("type: tickets", "--type says profile"),
        ("source: eshop", "--source says pos"),
        ("fields: {title: {column: a, verified_at: nope}}", "no column nope"),
        ("source: {column: nope}", "no column nope"),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_says_why(mapping: str, told: str) -> None:
    cells = {"record_id": "1", "a": "x", "email": "y"}

    with pytest.raises(MappingRefusedError, match=re.escape(told)):
        plan_of(cells, mapping, type=MessageType.PROFILE)


def test_a_file_without_what_every_row_needs_is_refused_before_it_starts() -> None:
    with pytest.raises(FileRefusedError, match="external_id"):
        plan_of({"email": "a", "phone": "b"})


def test_a_file_that_does_not_say_when_is_taken_as_of_its_own_time() -> None:
    cells = {"record_id": "1", "email": "zoe@example.org"}

    assert understood(cells)["occurred_at"] == "2025-06-01T12:00:00Z"
    assert "--occurred-at" in " ".join(plan_of(cells).notes)


def test_a_number_stands_behind_the_name_of_a_column_in_any_way() -> None:
    cells = {"record_id": "1", "address1": "1 rue Haute", "phone2": "0639980002", "email 2": "x"}

    assert understood(cells).keys() >= {"addresses", "phones", "emails"}


def test_a_part_of_an_address_is_written_beside_a_list_that_holds_none() -> None:
    cells = {"record_id": "1", "email": "x", "addresses": "[]", "address": "1 rue Haute"}

    assert understood(cells)["addresses"] == [{"lines": ["1 rue Haute"]}]


@pytest.mark.parametrize("whole", ['{"city": "Lille"}', "[1]"])
def test_a_part_of_an_address_beside_a_whole_that_is_none_refuses_the_row(whole: str) -> None:
    cells = {"record_id": "1", "email": "x", "addresses": whole, "address": "1 rue Haute"}

    with pytest.raises(RowRefusedError, match=r"address\.lines \(column address\): .* no list"):
        understood(cells)


@pytest.mark.parametrize("whole", ["identifiers", "attributes"])
def test_a_member_beside_a_whole_that_is_none_refuses_the_row(whole: str) -> None:
    written = "{}" if whole == "identifiers" else "[]"
    cells = {"record_id": "1", "email": "x", whole: written, "insurance": "123"}

    with pytest.raises(RowRefusedError, match=f"{whole}[.]insurance .column insurance.: .* no "):
        understood(cells, f"fields: {{{whole}.insurance: insurance}}")


@pytest.mark.parametrize("whole", ['{"city": "Lille"}', "[1]", '[{"lines": [3]}]'])
def test_an_address_that_is_none_refuses_the_row_whatever_else_is_empty(whole: str) -> None:
    cells = {"record_id": "1", "email": "x", "addresses": whole, "address": ""}

    with pytest.raises(RowRefusedError):
        understood(cells)


def test_columns_that_fill_nothing_are_said() -> None:
    plan = plan_of({"record_id": "1", "email": "x", "mood": "fine", "rejected_reason": "old"})

    assert plan.unused == ("mood",)


def test_a_column_source_names_the_source_of_each_row() -> None:
    cells = {"source": "eshop", "record_id": "1", "email": "x"}

    assert plan_of(cells, source=None).source == SourceRule(None, "source")
    assert plan_of(cells, source="pos").source == SourceRule("pos", "source")


@pytest.mark.parametrize("written", ["call_centre", "CALL_CENTRE", " Call centre "])
def test_a_source_is_found_however_its_code_is_written(written: str) -> None:
    cells = {"DATA_SOURCE": written, "record_id": "1", "email": "x"}

    rule = plan_of(cells, source=None).source

    assert rule.source_of(cells) == "call_centre"


def test_a_column_source_with_other_words_is_no_source() -> None:
    cells = {"source": "newsletter", "record_id": "1", "email": "x"}

    plan = plan_of(cells, source="pos")

    assert plan.source == SourceRule("pos", None)
    assert "names no source" in " ".join(plan.notes)


def test_a_source_must_be_said_and_known() -> None:
    cells = {"record_id": "1", "email": "x"}

    with pytest.raises(FileRefusedError, match="--source"):
        plan_of(cells, source=None)
    with pytest.raises(FileRefusedError, match="Did you mean eshop"):
        plan_of(cells, source="eshopp")


def test_the_same_row_has_the_same_message_id_and_another_row_another() -> None:
    cells = {"record_id": "1", "email": "zoe@example.org", "created_at": "2025-01-01"}
    mapper = plan_of(cells).mapper

    first, again = mapper.message(cells), mapper.message(dict(reversed(cells.items())))
    other = mapper.message(cells | {"email": "zoe@example.com"})

    assert first.message_id == again.message_id != other.message_id
    assert first.message_id.startswith("file-")


def test_a_refused_row_names_field_and_column_and_never_its_value() -> None:
    cells = {
        "record_id": "1",
        "nom": "Secretname" * 30,
        "maj": "neverday",
        "date_maj": "2025-01-01",
    }

    with pytest.raises(RowRefusedError) as schema:
        plan_of(cells, type=MessageType.PROFILE).mapper.message(cells)
    with pytest.raises(RowRefusedError) as cell:
        plan_of(cells, "fields: {occurred_at: maj}").mapper.message(cells)

    assert "family_name (column nom)" in str(schema.value)
    assert "occurred_at (column maj)" in str(cell.value)
    assert "Secretname" not in f"{schema.value} {cell.value}"
    assert "neverday" not in f"{schema.value} {cell.value}"


def test_a_value_that_the_database_cannot_hold_is_refused() -> None:
    cells = {"record_id": "1", "email": "x", "nom": "a\x00b"}
    innocent = {"record_id": "1", "email": "x", "nom": r"a\u0000b"}

    with pytest.raises(RowRefusedError, match="NUL"):
        plan_of(cells).mapper.message(cells)
    assert understood(innocent)["family_name"] == r"a\u0000b"


@pytest.mark.parametrize("message_type", list(MessageType))
def test_every_field_of_a_message_can_be_filled_from_a_file(message_type: MessageType) -> None:
    wholes = {"address": "addresses", "payment": "payments"}
    reached = {target.partition(".")[0] for target in TARGETS[message_type]}

    reached.discard("full_name")  # fills two others
    assert {wholes.get(name, name) for name in reached} == set(
        MESSAGE_MODELS[message_type].model_fields
    )


def test_a_file_of_consents_says_when_each_was_given() -> None:
    cells = {"customer_ref": "P1", "purpose": "newsletter", "status": "granted", "how": "till"}

    with pytest.raises(FileRefusedError, match="occurred_at"):
        plan_of(cells, type=MessageType.CONSENT)
    said = understood(cells | {"consented_at": "2025-01-02T10:00:00Z"})
    assert said["customer"] == {"external_id": "P1"}
    assert said["occurred_at"] == "2025-01-02T10:00:00Z"

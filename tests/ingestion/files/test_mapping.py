"""Mapping files are refused in words that say where, and what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from rcu.ingestion.files.errors import MappingRefusedError
from rcu.ingestion.files.mapping import Mapping, Part, parse_mapping, read_mapping
from rcu.ingestion.messages import MessageType

EXAMPLES = Path(__file__).parents[3] / "examples" / "mappings"


def test_a_column_may_be_named_in_short() -> None:
    mapping = parse_mapping("fields:\n  emails: [mail, {column: mail_2, verified: true}]\n")

    assert mapping.fields["emails"] == [Part(column="mail"), Part(column="mail_2", verified=True)]


def test_an_empty_mapping_says_nothing() -> None:
    assert parse_mapping("# nothing yet\n") == Mapping()


def test_words_stay_words() -> None:
    mapping = parse_mapping("fields:\n  title: {column: no, values: {1: M., 2: no}}\n")

    assert mapping.fields["title"] == [Part(column="no", values={"1": "M.", "2": "no"})]


@pytest.mark.parametrize("name", ["profiles", "profile"])
def test_a_type_may_be_written_in_the_plural(name: str) -> None:
    assert parse_mapping(f"type: {name}").type is MessageType.PROFILE


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("feilds: {}", "feilds: no such key. Did you mean fields?"),
        ("fields: {title: {colunm: t}}", "fields.title.0.colunm: no such key. Did you mean column"),
        (
            "fields: {title: {column: a, constant: b}}",
            "say one of column, columns, constant and row_number",
        ),
        ("fields: {title: []}", "fields.title"),
        ("fields: {total_cents: {column: a, unit: francs}}", "'cents' or 'euros'"),
        ("timezone: Paris", "no time zone such as Europe/Paris"),
        ("encoding: latin-99", "no known encoding"),
        ("delimiter: '::'", "delimiter"),
        ("type: people", "type"),
        ("empty: maybe", "empty"),
        ("fields: [title]", "fields"),
        ("- a", "mapping"),
        ("fields: {a: b", "not valid YAML"),
        ("type: tickets\ntype: orders", "type stands twice, line 1"),
        ("a: !!python/object:os.system x", "not valid YAML|no such key"),
    ],
)
def test_a_faulty_mapping_says_where_and_why(text: str, told: str) -> None:
    with pytest.raises(MappingRefusedError) as refusal:
        parse_mapping(text)

    assert any(one in str(refusal.value) for one in told.split("|"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yml")), ids=lambda path: path.name)
def test_the_examples_are_valid(path: Path) -> None:
    assert read_mapping(path).fields

"""What the bulk engine does not weigh is what weighing would keep apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pytest

from rcu.bulk.candidates import PARTING_FIELDS, leave_strangers_out, parting_values
from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.stages import IDENTIFIER_MARK
from rcu.identity.features import Features
from rcu.identity.model import Model, ModelDocument
from rcu.identity.scoring import Decision, score_pair
from tests.bulk.crowd import SHOP_EMAIL, SHOP_PHONE, hard_pairs
from tests.identity.people import features

SHIPPED = Model.shipped()
SHARED = frozenset({("email", SHOP_EMAIL), ("phone", f"+33{SHOP_PHONE[1:]}")})
Pair = tuple[Features, Features]


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    with DuckDBEngine(processes=1) as running:
        yield running


def left_out(engine: DuckDBEngine, pairs: Sequence[Pair], model: Model) -> list[Pair]:
    """Return those of the pairs that the engine would not weigh."""
    sides = [side for pair in pairs for side in pair]
    rows = [(n, *parting_values(side), _identifiers(side)) for n, side in enumerate(sides)]
    identifiers = pa.field("identifiers", pa.list_(pa.string()))
    schema = pa.schema([("number", pa.int64()), *PARTING_FIELDS, identifiers])
    _load(engine, "record", rows, schema)
    numbers = [(2 * n, 2 * n + 1) for n in range(len(pairs))]
    met = pa.schema([("left_number", pa.int64()), ("right_number", pa.int64())])
    _load(engine, "met", numbers, met)

    leave_strangers_out(engine, model)

    weighed = {left for (left,) in engine.rows("SELECT left_number FROM candidate")}
    return [pair for n, pair in enumerate(pairs) if 2 * n not in weighed]


def _identifiers(side: Features) -> list[str]:
    return [IDENTIFIER_MARK.join(identifier) for identifier in side.identifiers]


def _load(
    engine: DuckDBEngine, table: str, rows: Sequence[tuple[object, ...]], schema: pa.Schema
) -> None:
    loaded = pa.Table.from_pylist(
        [dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema
    )
    engine.load(table, loaded.to_batches(), schema)


@pytest.mark.parametrize("excusable", [(), ("birth_date",), ("given_name",)])
def test_no_pair_that_would_reach_the_review_line_is_left_out(
    engine: DuckDBEngine, excusable: tuple[str, ...]
) -> None:
    changes = {"excusable_differences": excusable, "review_weight": -30.0, "prior_bits": 0.0}
    model = Model(ModelDocument.model_validate(SHIPPED.document.model_dump() | changes))
    pairs = list(hard_pairs(10_000, seed=51))

    unweighed = left_out(engine, pairs, model)

    assert len(unweighed) > len(pairs) / 5
    for a, b in unweighed:
        assert score_pair(a, b, model, shared=SHARED).decision is Decision.APART


@pytest.mark.parametrize(
    ("born", "is_left_out"),
    [
        ("2004-09-17", True),
        ("1980-09-17", True),  # two parts of three
        ("1980-05-01", False),  # swapped: not the swap of another year
        ("1980-01-17", False),  # one part
        ("1980-02-03", False),  # a month miscounted
        ("1979-12-11", False),
        ("1990-02-03", False),  # and the year mistaken
        ("1984-02-03", True),
        ("1975-01-01", False),  # vague: perhaps only the year is known
        (None, False),
    ],
)
def test_a_birth_date_parts_when_two_of_its_parts_differ_and_it_is_not_swapped(
    engine: DuckDBEngine, born: str | None, *, is_left_out: bool
) -> None:
    pair = (
        features("Enora", "Kervella", born="1980-01-05"),
        features("Enora", "Kervella", born=born),
    )

    assert bool(left_out(engine, [pair], SHIPPED)) == is_left_out


def test_a_plain_contradiction_beside_a_common_identifier_is_weighed(engine: DuckDBEngine) -> None:
    mother = features("Enora", "Kervella", born="1980-01-05", email="kervella@orange.fr")
    son = features("Bruno", "Kervella", born="2004-09-17", email="kervella@orange.fr")
    stranger = features("Bruno", "Kervella", born="2004-09-17")

    assert left_out(engine, [(mother, son), (mother, stranger)], SHIPPED) == [(mother, stranger)]

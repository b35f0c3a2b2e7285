"""The engine of one machine gives what the engine in memory gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import pyarrow as pa
import pytest

from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.resolution import resolve
from rcu.bulk.stages import PERSON_SCHEMA
from rcu.demo.generator import generate
from rcu.identity.features import Features, describe
from rcu.identity.in_memory import resolve_in_full
from rcu.identity.model import Model, ModelDocument
from rcu.identity.partition import Judgements
from rcu.identity.registers import Registers, merge, person_of
from rcu.ingestion.intake import Intake, statement_of
from rcu.ingestion.messages import ProfileMessage
from tests.bulk.crowd import SHOP_EMAIL, as_table, crowd, described
from tests.bulk.oracle import Answer, answer_of, expected


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    with DuckDBEngine(batch_rows=500) as running:
        yield running


# In these crowds, pairs that share no key change how a component falls apart.
@pytest.mark.parametrize("seed", [5, 8, 9])
def test_a_noisy_crowd_has_the_partition_and_the_pairs_of_the_engine_in_memory(
    engine: DuckDBEngine, seed: int
) -> None:
    records = described(crowd(400, seed=seed))

    found = resolve(as_table(records), engine=engine)

    alone = resolve_in_full(records)
    assert found.shared == alone.shared
    assert ("email", SHOP_EMAIL) in found.shared
    assert answer_of(found) == expected(alone)


def test_the_demo_retailer_has_the_partition_of_the_engine_in_memory(engine: DuckDBEngine) -> None:
    records = _demo_records()

    found = resolve(as_table(records), engine=engine)

    assert answer_of(found) == expected(resolve_in_full(records))
    assert found.figures.records == len(records)


def _demo_records() -> dict[str, Features]:
    registers: dict[str, Registers] = {}
    for source, message in generate().messages:
        if isinstance(message, ProfileMessage):
            key = f"{source}\x1f{message.external_id}"
            statement = statement_of(Intake(source, "other", message), message)
            registers[key] = merge(registers.get(key, {}), statement)
    return {key: describe(person_of(held)) for key, held in registers.items()}


def test_the_order_of_the_rows_and_the_size_of_batches_change_nothing(engine: DuckDBEngine) -> None:
    records = described(crowd(150, seed=4))
    shuffled = list(records.items())
    Random(4).shuffle(shuffled)  # noqa: S311 - an order, not a secret

    with DuckDBEngine(batch_rows=7, part_rows=11, processes=1) as other:
        again = answer_of(resolve(as_table(dict(shuffled)), engine=other))

    assert again == answer_of(resolve(as_table(records), engine=engine))


def test_processes_that_were_ended_start_anew(engine: DuckDBEngine) -> None:
    records = as_table(described(crowd(5, seed=6)))
    before = answer_of(resolve(records, engine=engine))

    engine.end_processes()

    assert answer_of(resolve(records, engine=engine)) == before


def test_judgements_bind_and_part(engine: DuckDBEngine) -> None:
    records = described(crowd(150, seed=5))
    free = answer_of(resolve(as_table(records), engine=engine))
    together = sorted(
        next(client for client in sorted(free.clients, key=sorted) if len(client) > 1)
    )
    strangers = [min(client) for client in sorted(free.clients, key=sorted)[-2:]]
    judgements = Judgements(
        must_link=frozenset({frozenset(strangers)}),
        cannot_link=frozenset({frozenset(together[:2])}),
    )

    found = answer_of(resolve(as_table(records), engine=engine, judgements=judgements))

    assert not any(client >= set(together[:2]) for client in found.clients)
    assert any(client >= set(strangers) for client in found.clients)
    assert found.clients == set(resolve_in_full(records, judgements=judgements).clients)


def test_declared_identifiers_outweigh_their_holders(engine: DuckDBEngine) -> None:
    records = described(crowd(200, seed=5))
    held = Counter(email for features in records.values() for email in features.emails)
    of_several = min(email for email, count in held.items() if count > 1 and email != SHOP_EMAIL)
    declared = {("email", SHOP_EMAIL): False, ("email", of_several): True}

    found = resolve(as_table(records), engine=engine, declared=declared)

    alone = resolve_in_full(records, declared=declared)
    assert answer_of(found) == expected(alone)
    assert answer_of(found) != expected(resolve_in_full(records))
    assert ("email", of_several) in found.shared
    assert ("email", SHOP_EMAIL) not in found.shared


def test_a_judgement_on_a_record_that_is_not_there_is_left_out(engine: DuckDBEngine) -> None:
    judgements = Judgements(must_link=frozenset({frozenset({"pos\x1fgone", "app\x1fgone"})}))

    found = resolve(as_table({}), engine=engine, judgements=judgements)

    assert answer_of(found) == Answer(set(), {})


def test_a_key_with_too_many_holders_finds_no_candidates(engine: DuckDBEngine) -> None:
    document = Model.shipped().document.model_copy(update={"key_cap": 2})
    model = Model(ModelDocument.model_validate(document.model_dump()))
    records = described(crowd(150, seed=6))

    found = resolve(as_table(records), engine=engine, model=model)

    alone = resolve_in_full(records, model)
    assert found.figures.generic_keys == alone.generic_keys > 0
    assert found.figures.pairs == len(alone.scores)
    assert answer_of(found) == expected(alone)


def test_people_not_yet_normalised_are_described_on_the_way(engine: DuckDBEngine) -> None:
    people = crowd(60, seed=7)
    rows = [
        {
            "key": key,
            "title": person.title,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "birth_name": person.birth_name,
            "birth_date": person.birth_date,
            "emails": list(person.emails),
            "phones": list(person.phones),
            "cards": list(person.cards),
            "address_lines": list(person.addresses[0].lines) if person.addresses else None,
            "postcode": person.addresses[0].postcode if person.addresses else None,
            "city": person.addresses[0].city if person.addresses else None,
        }
        for key, person in people.items()
        if not person.identifiers
    ]

    found = resolve(pa.Table.from_pylist(rows, schema=PERSON_SCHEMA), engine=engine)

    keys = [str(row["key"]) for row in rows]
    kept = described({key: people[key] for key in keys})
    assert answer_of(found) == expected(resolve_in_full(kept))


def test_nothing_is_left_on_the_disk() -> None:
    with DuckDBEngine(processes=1) as engine:
        resolve(as_table(described(crowd(5, seed=8))), engine=engine)
        folder = engine.folder
        assert folder.stat().st_mode & 0o077 == 0

    assert not folder.exists()

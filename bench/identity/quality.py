"""Accuracy: partitions of labelled sets, ours at the default thresholds, Splink's at 0.95.

Ours runs twice: with the shipped model, and with one trained on the set itself without labels.
Neither sees the truth. Seconds are those of resolving, training apart.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator, Mapping
from datetime import UTC, datetime

from bench.identity.labelled import LabelledSet, read_febrl, read_folder
from bench.identity.parts import Options, Row
from bench.identity.splink_peer import SplinkPeer
from rcu.evaluation import evaluate
from rcu.identity.in_memory import resolve
from rcu.identity.model import Model
from rcu.identity.repository import RecordKey
from rcu.training.trainer import train
from rcu.training.training_set import TrainingSet

TITLE = "Accuracy of the partition, at default thresholds"
HEADINGS = (
    "set", "engine", "records", "precision", "recall", "F1", "B-cubed F1", "over-merged",
    "training, s", "resolving, s",
)  # fmt: skip


def run(options: Options) -> Iterator[Row]:
    """Measure each set with each engine."""
    for labelled in _sets(options):
        yield from measure(labelled)


def _sets(options: Options) -> Iterator[LabelledSet]:
    for number in (1,) if options.quick else (1, 2, 3, 4):
        yield read_febrl(number)
    for folder in options.data:
        yield read_folder(folder)


def measure(labelled: LabelledSet) -> Iterator[Row]:
    """Yield a row for each engine: ours shipped, ours trained, Splink."""
    shipped = Model.shipped()
    yield _ours(labelled, "rcu, shipped model", shipped, training_seconds=0.0)
    started = time.perf_counter()
    document = train(TrainingSet(labelled.records), shipped, trained_at=datetime.now(UTC))
    trained_in = time.perf_counter() - started
    yield _ours(labelled, "rcu, trained", Model(document), training_seconds=trained_in)
    yield _splink(labelled)


def _ours(labelled: LabelledSet, engine: str, model: Model, *, training_seconds: float) -> Row:
    started = time.perf_counter()
    clients = resolve(labelled.records, model)
    seconds = time.perf_counter() - started
    assigned = {key: number for number, client in enumerate(clients) for key in client}
    return _row(labelled, engine, assigned, training_seconds, seconds)


def _splink(labelled: LabelledSet) -> Row:
    started = time.perf_counter()
    peer = SplinkPeer(labelled.records)
    peer.train()
    trained = time.perf_counter()
    assigned = peer.clusters(peer.predict())
    seconds = time.perf_counter() - trained
    return _row(labelled, "Splink 5, trained", assigned, trained - started, seconds)


def _row(
    labelled: LabelledSet,
    engine: str,
    assigned: Mapping[RecordKey, Hashable],
    training_seconds: float,
    seconds: float,
) -> Row:
    found = evaluate(assigned, labelled.truth)
    shares = (found.precision, found.recall, found.f1, found.b3_f1)
    over_merged = found.over_merged_clients / found.clients_true
    return (
        labelled.name,
        engine,
        f"{found.records:,}",
        *(f"{share:.4f}" for share in shares),
        f"{over_merged:.1%}",
        f"{training_seconds:.1f}" if training_seconds else "",
        f"{seconds:.1f}",
    )

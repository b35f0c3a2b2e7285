"""How good a partition is, against the truth: exact figures from cluster sizes, in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A partition measured. Counts are exact; shares lie between 0 and 1."""

    records: int
    clients_true: int
    clients_assigned: int
    pairs_true: int
    pairs_assigned: int
    pairs_correct: int
    precision: float
    """Of the pairs put together, the share that belongs together."""
    recall: float
    """Of the pairs that belong together, the share put together."""
    f1: float
    b3_precision: float
    """B-cubed: averaged over records, so that a large client does not weigh by its square."""
    b3_recall: float
    b3_f1: float
    over_merged_clusters: int
    """Assigned clients that hold more than one true client."""
    over_merged_clients: int
    """True clients that share an assigned client with another."""
    split_clients: int
    """True clients spread over several assigned ones."""
    exact_clients: int
    """True clients found whole and alone."""
    largest_cluster: int
    unassigned: int
    """Records of the truth that the partition lacks; each counts as a client of its own."""
    unknown: int
    """Records of the partition that the truth lacks; ignored."""


def evaluate(assigned: Mapping[K, Hashable], truth: Mapping[K, Hashable]) -> Evaluation:
    """Measure `assigned` against `truth`; both map a record to its client.

    The contingency table of assigned and true clients gives every figure, so the cost is
    proportional to the records, never to the pairs.
    """
    cells: Counter[tuple[Hashable, Hashable]] = Counter()
    for record, client in truth.items():
        found = assigned.get(record)
        cells[("alone", record) if found is None else ("client", found), client] += 1
    clusters, clients = _margins(cells)
    correct, together, actual = (sum(map(_pairs, t.values())) for t in (cells, clusters, clients))
    b3_precision = _mean((n * n / clusters[c] for (c, _), n in cells.items()), len(truth))
    b3_recall = _mean((n * n / clients[t] for (_, t), n in cells.items()), len(truth))
    precision = correct / together if together else 1.0
    recall = correct / actual if actual else 1.0
    clients_in, clusters_of = Counter(c for c, _ in cells), Counter(t for _, t in cells)
    return Evaluation(
        records=len(truth),
        clients_true=len(clients),
        clients_assigned=len(clusters),
        pairs_true=actual,
        pairs_assigned=together,
        pairs_correct=correct,
        precision=precision,
        recall=recall,
        f1=_harmonic(precision, recall),
        b3_precision=b3_precision,
        b3_recall=b3_recall,
        b3_f1=_harmonic(b3_precision, b3_recall),
        over_merged_clusters=sum(1 for n in clients_in.values() if n > 1),
        over_merged_clients=len({t for c, t in cells if clients_in[c] > 1}),
        split_clients=sum(1 for n in clusters_of.values() if n > 1),
        exact_clients=sum(1 for c, t in cells if clients_in[c] == 1 and clusters_of[t] == 1),
        largest_cluster=max(clusters.values(), default=0),
        unassigned=sum(1 for record in truth if assigned.get(record) is None),
        unknown=len(assigned.keys() - truth.keys()),
    )


def _margins(
    cells: Mapping[tuple[Hashable, Hashable], int],
) -> tuple[Counter[Hashable], Counter[Hashable]]:
    clusters: Counter[Hashable] = Counter()
    clients: Counter[Hashable] = Counter()
    for (cluster, client), n in cells.items():
        clusters[cluster] += n
        clients[client] += n
    return clusters, clients


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _mean(values: Iterable[float], n: int) -> float:
    return sum(values) / n if n else 1.0


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0

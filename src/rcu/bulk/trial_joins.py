"""The merges that a resolution gains and loses against what is stored, each with its best pair.

A client of today and a cluster of tomorrow are both sets of records. Where a cluster takes in
several clients, merges are gained: one fewer than the clients. Where a client falls into several
clusters, merges are lost: one fewer than the clusters. Each is told by the pair of records that
ties its two sides best, as the partition itself would join them: strongest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final, NamedTuple

from rcu.bulk.engine import Engine

GAINED: Final = "gained"
LOST: Final = "lost"

# A member of a group has no other; a tie of a group has one.
_GAINED = """
    SELECT k.cluster AS together, k.client_id AS side, k.number, CAST(NULL AS varchar(36)) AS
           other_side, CAST(NULL AS bigint) AS other_number, CAST(0 AS double) AS weight
    FROM known k WHERE k.cluster IN (
        SELECT cluster FROM known GROUP BY cluster HAVING count(DISTINCT client_id) > 1
    )
    UNION ALL
    SELECT l.cluster, l.client_id, l.number, r.client_id, r.number,
           CASE WHEN p.decision = 'link' THEN 1000 + p.weight ELSE p.weight END
    FROM pair p JOIN known l ON l.number = p.left_number JOIN known r ON r.number = p.right_number
    WHERE l.cluster = r.cluster AND l.client_id <> r.client_id
    ORDER BY together
"""
_LOST = """
    SELECT k.client_id AS together, f.client_id AS side, k.number, CAST(NULL AS varchar(36)) AS
           other_side, CAST(NULL AS bigint) AS other_number, CAST(0 AS double) AS weight
    FROM known k JOIN founded f ON f.cluster = k.cluster WHERE k.client_id IN (
        SELECT client_id FROM known GROUP BY client_id HAVING count(DISTINCT cluster) > 1
    )
    UNION ALL
    SELECT l.client_id, e.client_id, l.number, f.client_id, r.number,
           CASE WHEN s.decision = 'link' THEN 1000 + s.weight ELSE s.weight END
    FROM stored_pair s JOIN known l ON l.id = s.left_id JOIN known r ON r.id = s.right_id
    JOIN founded e ON e.cluster = l.cluster JOIN founded f ON f.cluster = r.cluster
    WHERE l.client_id = r.client_id AND l.cluster <> r.cluster
    ORDER BY together
"""


class Join(NamedTuple):
    """Two sides that one partition puts together and the other does not."""

    kind: str
    """`gained` or `lost`."""
    client: str
    """Of a merge lost, the client of today that falls apart; of one gained, that of `side`."""
    side: str
    """A client id: of the side with the older one."""
    other_side: str
    number: int
    """Of the record of `side` that ties best; numbers are those of the engine's records."""
    other_number: int
    members: tuple[int, ...]
    other_members: tuple[int, ...]


class Tie(NamedTuple):
    """Two records of two sides, and how strongly they tie."""

    weight: float
    side: str
    number: int
    other_side: str
    other_number: int


def read_joins(engine: Engine) -> Iterator[Join]:
    """Yield every merge gained and lost, from the tables that `whole_database` makes."""
    for kind, query in ((GAINED, _GAINED), (LOST, _LOST)):
        rows = (row for batch in engine.stream(query) for row in batch.to_pylist())
        for together, of_one_group in groupby(rows, key=lambda row: row["together"]):
            yield from _joins_of(kind, together, of_one_group)


def _joins_of(kind: str, together: Any, rows: Iterable[dict[str, Any]]) -> Iterator[Join]:
    members: dict[str, list[int]] = {}
    ties: list[Tie] = []
    for row in rows:
        if row["other_side"] is None:
            members.setdefault(row["side"], []).append(row["number"])
        else:
            ties.append(
                Tie(
                    row["weight"],
                    row["side"],
                    row["number"],
                    row["other_side"],
                    row["other_number"],
                )
            )
    for tie in spanning_ties(members, ties):
        ends = [(tie.side, tie.number), (tie.other_side, tie.other_number)]
        # Of a merge lost, the client itself comes first where it is one of the sides.
        (side, number), (other_side, other_number) = sorted(
            ends, key=lambda end: (end[0] != together, end)
        )
        yield Join(
            kind,
            side if kind == GAINED else together,
            side,
            other_side,
            number,
            other_number,
            tuple(sorted(members[side])),
            tuple(sorted(members[other_side])),
        )


def spanning_ties(members: dict[str, list[int]], ties: Iterable[Tie]) -> Iterator[Tie]:
    """Yield the ties that join all sides, strongest first: one fewer than the sides.

    Sides that nothing ties directly, such as those that a judgement joined, are tied to the
    oldest by their first records.
    """
    group = {side: side for side in members}

    def find(side: str) -> str:
        while group[side] != side:
            group[side] = group[group[side]]
            side = group[side]
        return side

    first = min(members)
    rest = (Tie(0.0, first, min(members[first]), side, min(members[side])) for side in members)
    ranked = sorted(ties, key=lambda tie: (-tie.weight, *tie[1:]))
    for tie in (*ranked, *sorted(rest)):
        one, other = find(tie.side), find(tie.other_side)
        if one != other:
            group[max(one, other)] = min(one, other)
            yield tie

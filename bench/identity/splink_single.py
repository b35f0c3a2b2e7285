"""Splink's single-record path over a base: candidates found and scored, nothing written.

Trained as its tutorials do. The values of the record are normalised before the clock runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from bench.identity.crowd import WIRE
from bench.identity.splink_peer import Base, SplinkPeer
from rcu.identity.features import Features, describe
from rcu.identity.registers import person_of

Said = Mapping[str, Any]
"""A profile message."""

WARMING: Final = 2
"""Records that are matched before the clock runs, for each way of holding the base."""
_NAMES: Final = {
    Base.PANDAS: "Splink, pandas frame",
    Base.ARROW: "Splink, Arrow table",
    Base.DUCKDB: "Splink, DuckDB table",
}


def measure_splink(
    base: Iterable[tuple[str, Said]], newcomers: Iterable[Said]
) -> Iterator[tuple[str, list[float]]]:
    """Yield how the base is held, and the seconds of each newcomer but the first ones.

    `base` holds profile messages, each with its source; `newcomers` are messages as well.
    """
    peer = SplinkPeer({(source, said["external_id"]): _features_of(said) for source, said in base})
    asked = [_features_of(said) for said in newcomers]
    peer.train()
    peer.prepare_single()
    for held, name in _NAMES.items():
        seconds = []
        for record in asked:
            started = time.perf_counter()
            peer.match_one(record, held)
            seconds.append(time.perf_counter() - started)
        yield name, seconds[WARMING:]


def _features_of(said: Said) -> Features:
    values = {name: {"value": value} for name, value in said.items() if name not in WIRE}
    return describe(person_of(values))

"""The `m` of every level by Splink: expectation maximisation over pairs whose levels are ours.

Splink receives no records but pairs. Each pair stands in two tables, `left` and `right`, under
one id and with the levels that our own comparison gave it, so that Splink's only work is the
one it does best, and what it learns is what our scorer uses. A session looks at the pairs
that agree on some attributes and learns the others, as Splink's documentation advises: among
pairs of one name, what the names say is settled and the rest can be told apart.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rcu.training.errors import TrainingExtraMissingError

Levels = Mapping[str, str]
"""Attribute to level, of one pair; what could not be compared is left out."""

MIN_SESSION_PAIRS = 30
MAX_ITERATIONS = (100, 25, 10)
"""Most iterations, then those of a second and a third attempt.

Splink refuses an `m` that has shrunk beyond what a float tells from nothing, which a level that no
match shows does by and by: fewer iterations then leave it a small figure.
"""
CONVERGENCE = 1e-4


@dataclass(frozen=True, slots=True)
class Block:
    """The pairs of one session: those that agree on `settled`, in all or in any of them."""

    name: str
    settled: Mapping[str, frozenset[str]]
    """Attribute to the levels that count as agreement."""
    any_of: bool = False

    def holds(self, levels: Levels) -> bool:
        """Tell whether a pair belongs to the session."""
        hits = (levels.get(name) in agreeing for name, agreeing in self.settled.items())
        return any(hits) if self.any_of else all(hits)


@dataclass(frozen=True, slots=True)
class Session:
    """What one session of expectation maximisation found."""

    block: str
    pairs: int
    iterations: int
    converged: bool
    match_share: float
    """Share of the session's pairs that are matches."""
    m: Mapping[str, Mapping[str, float]]
    expected: Mapping[str, float]
    """By attribute, the expected matches among the pairs that compare it."""


@dataclass(slots=True)
class Estimate:
    """The `m` of one attribute, over all sessions that could learn it."""

    matches: float = 0.0
    """Expected matches behind the figures: of the largest session, for sessions share pairs."""
    _weighed: dict[str, float] = field(default_factory=dict)
    _total: float = 0.0

    def add(self, m: Mapping[str, float], expected: float) -> None:
        """Take in what a session found, weighed by its expected matches."""
        self.matches = max(self.matches, expected)
        self._total += expected
        for level, share in m.items():
            self._weighed[level] = self._weighed.get(level, 0.0) + share * expected

    def share(self, level: str) -> float:
        """Return the share of the matches that show a level."""
        return self._weighed.get(level, 0.0) / self._total if self._total else 0.0


def pooled(sessions: Iterable[Session]) -> dict[str, Estimate]:
    """Return the estimates by attribute."""
    found: dict[str, Estimate] = {}
    for session in sessions:
        for attribute, m in session.m.items():
            found.setdefault(attribute, Estimate()).add(m, session.expected[attribute])
    return found


def run_sessions(
    pairs: Sequence[Levels],
    blocks: Sequence[Block],
    *,
    m: Mapping[str, Mapping[str, float]],
    u: Mapping[str, Mapping[str, float]],
) -> list[Session]:
    """Run one session for each block that has enough pairs; `u` is fixed, `m` where EM starts.

    Raises `TrainingExtraMissingError` without the extra `rcu[train]`.
    """
    splink = _load_splink()
    sessions = []
    for block in blocks:
        chosen = [levels for levels in pairs if block.holds(levels)]
        if len(chosen) >= MIN_SESSION_PAIRS and (session := _run(splink, block, chosen, m=m, u=u)):
            sessions.append(session)
    return sessions


def require_splink() -> None:
    """Raise `TrainingExtraMissingError` without the extra `rcu[train]`."""
    _load_splink()


def _load_splink() -> Any:
    try:
        import duckdb  # noqa: F401 - Splink asks for it late
        import splink
    except ImportError as error:
        raise TrainingExtraMissingError from error
    return splink


def _run(
    splink: Any,
    block: Block,
    pairs: Sequence[Levels],
    *,
    m: Mapping[str, Mapping[str, float]],
    u: Mapping[str, Mapping[str, float]],
) -> Session | None:
    learned = _learnable(block, pairs, u)
    if not learned:
        return None
    comparisons = [
        _comparison(_column(position), seen, m.get(name, {}), u[name])
        for position, (name, seen) in enumerate(learned.items())
    ]
    for most in MAX_ITERATIONS:
        try:
            return _run_for(splink, block, pairs, learned, comparisons, most)
        except ValueError:  # an m that is next to nothing
            continue
    return None


def _run_for(
    splink: Any,
    block: Block,
    pairs: Sequence[Levels],
    learned: Mapping[str, list[str]],
    comparisons: list[dict[str, Any]],
    most: int,
) -> Session:
    """Run one session for at most so many iterations; raises `ValueError` as Splink does."""
    import duckdb

    # One thread: sums of floats come out the same every time.
    database = splink.DuckDBAPI(duckdb.connect(config={"threads": 1}))
    tables = [
        database.register(_table(pairs, learned), dataset_display_name=side)
        for side in ("pairs_one", "pairs_two")
    ]
    linker = splink.Linker(
        tables,
        splink.SettingsCreator(
            link_type="link_only",
            unique_id_column_name="pair_id",
            comparisons=comparisons,
            em_convergence=CONVERGENCE,
            max_iterations=most,
            probability_two_random_records_match=0.5,
        ),
        log_level=logging.ERROR,
        validate_settings=False,
    )
    session = linker.training.estimate_parameters_using_expectation_maximisation(
        "l.pair_id = r.pair_id",
        estimate_without_term_frequencies=True,
        fix_u_probabilities=True,
    )
    settings = session.core_model_settings
    share = float(settings.probability_two_random_records_match)
    iterations = len(session._lambda_history_records) - 1  # noqa: SLF001 - nothing public says it
    return Session(
        block=block.name,
        pairs=len(pairs),
        iterations=iterations,
        converged=iterations < most,
        match_share=share,
        m=_read_m(linker, list(learned)),
        expected={
            name: share * sum(1 for levels in pairs if levels.get(name) in seen)
            for name, seen in learned.items()
        },
    )


def _learnable(
    block: Block, pairs: Sequence[Levels], u: Mapping[str, Mapping[str, float]]
) -> dict[str, list[str]]:
    """Return the attributes a session can learn, each with its levels that were seen."""
    seen: dict[str, set[str]] = {}
    for levels in pairs:
        for attribute, level in levels.items():
            if attribute not in block.settled and level in u.get(attribute, ()):
                seen.setdefault(attribute, set()).add(level)
    return {name: sorted(levels) for name, levels in sorted(seen.items()) if len(levels) > 1}


def _table(pairs: Sequence[Levels], learned: Mapping[str, Sequence[str]]) -> Any:
    import pyarrow as pa

    columns: dict[str, Any] = {"pair_id": pa.array(range(len(pairs)), pa.int64())}
    for position, (name, seen) in enumerate(learned.items()):
        number = {level: i for i, level in enumerate(seen)}
        columns[_column(position)] = pa.array(
            [number.get(levels.get(name, "")) for levels in pairs], pa.int32()
        )
    return pa.table(columns)


def _column(position: int) -> str:
    """Return the column of an attribute. Its own name stays out of SQL: sources choose kinds."""
    return f"attribute_{position}"


def _comparison(
    column: str, seen: Sequence[str], m: Mapping[str, float], u: Mapping[str, float]
) -> dict[str, Any]:
    # `u` keeps its size. Two people show a level that is not seen here (different, mostly): spread
    # over what is seen, their share would make chance of every typing error.
    total_m = sum(m.get(level, 1.0) for level in seen)
    null = f'"{column}_l" IS NULL OR "{column}_r" IS NULL'
    levels: list[dict[str, Any]] = [
        {"sql_condition": null, "label_for_charts": "missing", "is_null_level": True}
    ]
    for number, level in enumerate(seen):
        levels.append(
            {
                "sql_condition": f'"{column}_l" = {number} AND "{column}_r" = {number}',
                "label_for_charts": level,
                "m_probability": m.get(level, 1.0) / total_m,
                "u_probability": u[level],
            }
        )
    return {"output_column_name": column, "comparison_levels": levels}


def _read_m(linker: Any, learned: Sequence[str]) -> dict[str, dict[str, float]]:
    attribute_of = {_column(position): name for position, name in enumerate(learned)}
    found: dict[str, dict[str, float]] = {}
    for comparison in linker.misc.save_model_to_json()["comparisons"]:
        found[attribute_of[comparison["output_column_name"]]] = {
            level["label_for_charts"]: float(level["m_probability"] or 0.0)
            for level in comparison["comparison_levels"]
            if not level.get("is_null_level")
        }
    return found

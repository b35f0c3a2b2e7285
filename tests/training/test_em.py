"""Splink's expectation maximisation over pairs whose levels are ours."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import pytest

from rcu.training import em
from rcu.training.em import Block, pooled, require_splink, run_sessions
from rcu.training.errors import TrainingExtraMissingError

EXACT = frozenset({"exact"})
M = {"given_name": {"exact": 0.9, "different": 0.1}, "phone": {"exact": 0.6, "different": 0.4}}
U = {
    "given_name": {"exact": 0.02, "different": 0.98},
    "phone": {"exact": 0.001, "different": 0.999},
}
START = {name: dict.fromkeys(levels, 0.5) for name, levels in M.items()}
NAMES = Block("birth_date", {"birth_date": EXACT})


def pairs(number: int, share: float) -> list[dict[str, str]]:
    """Return pairs of one birth date drawn after M and U, of which a share match."""
    dice = Random(11)  # noqa: S311 - draws pairs, not secrets
    found = []
    for _ in range(number):
        figures = M if dice.random() < share else U
        levels = {
            name: "exact" if dice.random() < figures[name]["exact"] else "different"
            for name in figures
        }
        found.append({"birth_date": "exact", **levels})
    return found


def test_m_and_the_share_of_matches_are_found_again() -> None:
    (session,) = run_sessions(pairs(20_000, 0.3), [NAMES], m=START, u=U)

    assert session.match_share == pytest.approx(0.3, abs=0.02)
    assert session.m["given_name"]["exact"] == pytest.approx(0.9, abs=0.02)
    assert session.m["phone"]["exact"] == pytest.approx(0.6, abs=0.02)
    assert session.converged


def test_errors_are_not_taken_for_chance_where_those_who_differ_take_no_part() -> None:
    """The guards part those who differ: of the rest, an error is a match's, not two people's."""
    u = {"family_name": {"exact": 0.001, "typing_error": 0.004, "different": 0.995}}
    start = {"family_name": {"exact": 0.85, "typing_error": 0.05, "different": 0.1}}
    said = ["exact"] * 900 + ["typing_error"] * 100
    seen = [{"birth_date": "exact", "family_name": level} for level in said]

    (session,) = run_sessions(seen, [NAMES], m=start, u=u)

    assert session.m["family_name"]["typing_error"] == pytest.approx(0.1, abs=0.005)


def test_what_a_block_agrees_on_is_not_learned_from_it() -> None:
    everything = {**U, "birth_date": {"exact": 0.0001, "different": 0.9999}}

    (session,) = run_sessions(pairs(500, 0.5), [NAMES], m=START, u=everything)

    assert session.m.keys() == {"given_name", "phone"}


def test_a_value_that_a_pair_lacks_takes_no_part() -> None:
    lacking = pairs(4_000, 1.0) + [{"birth_date": "exact", "given_name": "exact"}] * 4_000

    estimate = pooled(run_sessions(lacking, [NAMES], m=START, u=U))["phone"]

    assert estimate.share("exact") == pytest.approx(0.6, abs=0.03)
    assert estimate.matches == pytest.approx(4_000, rel=0.05)


def test_too_few_pairs_make_no_session() -> None:
    assert run_sessions(pairs(10, 0.5), [NAMES], m=START, u=U) == []


def test_an_m_that_splink_finds_too_small_is_estimated_in_fewer_iterations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_for = em._run_for
    tried = []

    def refusing(*arguments: Any) -> em.Session:
        tried.append(arguments[-1])
        if arguments[-1] > 25:
            raise ValueError("m_probability value 3e-318 is below the minimum allowed value")
        return run_for(*arguments)

    monkeypatch.setattr(em, "_run_for", refusing)

    (session,) = run_sessions(pairs(500, 0.3), [NAMES], m=START, u=U)

    assert tried == [100, 25]
    assert session.iterations <= 25


def test_names_of_identifiers_that_sql_reserves_do_no_harm() -> None:
    odd = [
        {"birth_date": "exact", "select": p["phone"], "n° d'ordre": p["given_name"]}
        for p in pairs(200, 0.5)
    ]
    u = {"select": U["phone"], "n° d'ordre": U["given_name"]}

    (session,) = run_sessions(odd, [NAMES], m={}, u=u)

    assert session.m.keys() == {"select", "n° d'ordre"}


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "splink", None)

    with pytest.raises(TrainingExtraMissingError, match=r"pip install 'rcu\[train\]'"):
        require_splink()

"""Since when a source states an identifier without a break; pure, over the registers of a record.

A value stands from the first statement after the last one that left it out. Statements come in any
order, so a register of identifiers remembers what any order gives alike: of each value its first
statement (the least of a set), of a value that is current the last statement without it (the
greatest), and the stamps of the statements before the newest, as many as `MAX_TOLD` (the greatest
few). Of a value that was left out once and restated more often than that, the beginning that is
known is later than the true one, never earlier.

A register that has stated more values than it remembers, or that a release before this one wrote,
knows no times: it has no `told`, and will have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from rcu.moments import utc_moment

MAX_TOLD: Final = 10
"""Statements before the newest of which a register remembers when they were made."""

Register = Mapping[str, Any]
Stamp = tuple[datetime, str]
"""When a statement was made, and the id of its message, which decides between two of one time."""
What = tuple[str, str]
"""Kind and value of an identifier as it was received: it tells two of one attribute apart."""


def stamp_of(told: Register) -> Stamp:
    """Return the stamp of a register's newest statement, or of an entry's last."""
    return utc_moment(told["occurred_at"]), told["message_id"]


def what_of(stated: Mapping[str, Any]) -> What:
    """Return what tells a stated identifier from the others of its attribute."""
    return stated.get("kind", ""), stated["value"]


def with_times(merged: Register, held: Register, told: Register) -> dict[str, Any]:
    """Return a register with what is remembered of times, after the statement `told`.

    `merged` is the register without that, `held` the one before the statement.
    """
    if not _knows_times(held):
        return dict(merged)
    timed = dict(merged) | {"told": _told(held, told)}
    firsts = _firsts(held, told)
    if timed["told"] and timed["value"]:
        timed["spans"] = [
            [_packed(firsts[what]), _packed(gap) if (gap := _left_out(what, held, told)) else None]
            for what in map(what_of, timed["value"])
        ]
    if "earlier" in timed:
        timed["earlier"] = [
            {**entry, "first": _packed(firsts[what_of(entry["stated"])])}
            for entry in timed["earlier"]
        ]
    return timed


def starts_of(register: Register) -> list[datetime] | None:
    """Return since when each of its values is stated without a break; None when not known."""
    if not _knows_times(register):
        return None
    newest = stamp_of(register)
    if "spans" not in register:
        return [newest[0]] * len(register["value"] or ())
    told = [newest, *map(_unpacked, register["told"])]
    return [_start(_unpacked(first), left_out, told) for first, left_out in register["spans"]]


def first_stated(entry: Register) -> datetime | None:
    """Return when a value that is not current was stated first; None when that is not known."""
    return _unpacked(entry["first"])[0] if "first" in entry else None


def _knows_times(register: Register) -> bool:
    """Tell whether all statements on a register were remembered.

    A value that was given up without a beginning was merged by the release before this one, beside
    which this one began.
    """
    if "told" not in register:
        return False
    return "earlier" not in register or all("first" in entry for entry in _earlier(register))


def _start(first: Stamp, left_out: list[str] | None, told: Iterable[Stamp]) -> datetime:
    if left_out is None or (gap := _unpacked(left_out)) < first:
        return first[0]
    return min(stamp for stamp in told if stamp > gap)[0]


def _told(held: Register, told: Register) -> list[list[str]]:
    """Return the stamps of the statements before the newest, the last of them first."""
    newest, stamp = stamp_of(held), stamp_of(told)
    if stamp == newest:
        return list(held["told"])
    if stamp > newest:
        return [_packed(newest), *held["told"]][:MAX_TOLD]
    stamps = {_unpacked(packed): packed for packed in held["told"]} | {stamp: _packed(stamp)}
    return [stamps[one] for one in sorted(stamps, reverse=True)][:MAX_TOLD]


def _firsts(held: Register, told: Register) -> dict[What, Stamp]:
    """Return the first statement of every value that is remembered or told."""
    firsts = {what_of(entry["stated"]): _unpacked(entry["first"]) for entry in _earlier(held)}
    values = list(map(what_of, held["value"] or ()))
    spans = held.get("spans") or [[_packed(stamp_of(held)), None]] * len(values)
    firsts |= {what: _unpacked(first) for what, (first, _) in zip(values, spans, strict=True)}
    stamp = stamp_of(told)
    for what in map(what_of, told["value"] or ()):
        firsts[what] = min(stamp, firsts.get(what, stamp))
    return firsts


def _left_out(what: What, held: Register, told: Register) -> Stamp | None:
    """Return the last statement without a value that is current now."""
    values = list(map(what_of, held["value"] or ()))
    if what not in values:
        before: Stamp | None = stamp_of(held)
    elif "spans" in held:
        _, packed = held["spans"][values.index(what)]
        before = _unpacked(packed) if packed else None
    else:
        before = None
    if what in map(what_of, told["value"] or ()):
        return before
    return max(stamp_of(told), before) if before else stamp_of(told)


def _earlier(register: Register) -> Iterable[Register]:
    found: Iterable[Register] = register.get("earlier", ())
    return found


def _packed(stamp: Stamp) -> list[str]:
    return [stamp[0].isoformat(), stamp[1]]


def _unpacked(packed: Any) -> Stamp:
    occurred_at, message_id = packed
    return utc_moment(occurred_at), message_id

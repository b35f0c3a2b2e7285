"""From counts to a model document: levels with new figures, and what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from rcu.identity.contradictions import BIRTH_DATE, GIVEN_NAME
from rcu.identity.levels import DIFFERENT, EXACT
from rcu.identity.model import (
    Attribute,
    Level,
    LevelFigures,
    Model,
    ModelDocument,
)
from rcu.training.em import Estimate, Levels
from rcu.training.shrinkage import rounded, shrunk, shrunk_or_refuted

IDENTIFIER = "identifier"
"""The attribute whose levels an identifier has that the model knows no better."""

ENOUGH_MATCHES = 50
"""Expected matches that compare an identifier, for its kind to have levels of its own."""

_GUARDED = frozenset({GIVEN_NAME, BIRTH_DATE})
_ALL_BUT_CERTAIN = 0.9999


@dataclass(frozen=True, slots=True)
class Counts:
    """How many pairs compared an attribute, and how many reached each of its levels."""

    pairs: int
    compared: Counter[str]
    reached: Counter[tuple[str, str]]

    @classmethod
    def of(cls, pairs: Iterable[Levels]) -> Counts:
        """Count `pairs`."""
        compared, reached = Counter[str](), Counter[tuple[str, str]]()
        number = 0
        for levels in pairs:
            number += 1
            compared.update(levels.keys())
            reached.update(levels.items())
        return cls(number, compared, reached)


def changed(model: Model, **members: Any) -> Model:
    """Return a model with other members in its document, validated as a whole."""
    return Model(ModelDocument.model_validate({**_members(model.document), **members}))


def _members(document: ModelDocument) -> dict[str, Any]:
    return {name: getattr(document, name) for name in ModelDocument.model_fields}


def parameters(model: Model) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Return the `m` and the `u` of a model, by attribute and level."""
    attributes = model.document.attributes.items()
    return (
        {name: {key: level.m for key, level in held.levels.items()} for name, held in attributes},
        {name: {key: level.u for key, level in held.levels.items()} for name, held in attributes},
    )


def with_u(model: Model, chance: Counts) -> Model:
    """Return the model with the `u` that pairs drawn at random show.

    A kind of identifier that the model does not know gets levels of its own for the moment. Where
    several people have one value of a kind, the chance of it is what the pairs show: how seldom
    identifiers are shared says nothing of these.
    """
    ambiguous = model.document.ambiguous_kinds
    attributes = dict(model.document.attributes)
    for name, trials in chance.compared.items():
        held = attributes.get(name) or attributes[IDENTIFIER]

        def u(key: str, level: Level, name: str = name, trials: int = trials) -> float:
            reached = chance.reached[name, key]
            if name in ambiguous:
                return rounded((reached + 0.5) / (trials + 1.0))
            return shrunk(reached, trials, level.u)

        attributes[name] = _with_levels(held, u=u)
    return changed(model, attributes=attributes)


def with_m(
    model: Model, estimates: Mapping[str, Estimate], known: Counts, *, start: Model
) -> Model:
    """Return the model with the `m` that EM estimated, and `known` matches counted as seen.

    Each leans on the `m` of `start`. A kind of identifier keeps levels of its own when `start`
    had some, or enough matches compare it.
    """
    attributes = {
        name: _estimated(name, held, estimates[name], known, model, start)
        if name in estimates
        else held
        for name, held in model.document.attributes.items()
        if name in start.document.attributes
        or (name in estimates and estimates[name].matches >= ENOUGH_MATCHES)
    }
    return changed(model, attributes=attributes)


def tempered(model: Model) -> Model:
    """Return the model in which no agreement on a value outweighs the exact one.

    Names that stand swapped, or one name out of two, are the coincidence of the names straight,
    and an error beside it: one as likely in the records of one person as of two. Counted for each
    name by itself, a swap looks far rarer than that, since it befalls both at once.
    """
    attributes = {name: _tempered(held) for name, held in model.document.attributes.items()}
    return changed(model, attributes=attributes)


def _tempered(held: Attribute) -> Attribute:
    exact = held.levels.get(EXACT)
    if exact is None:
        return held

    def u(_key: str, level: Level) -> float:
        if not level.by_frequency:
            return level.u
        return max(level.u, min(level.m * exact.u / exact.m, _ALL_BUT_CERTAIN))

    return _with_levels(held, u=u)


def _estimated(
    name: str, held: Attribute, estimate: Estimate, known: Counts, model: Model, start: Model
) -> Attribute:
    trials = estimate.matches + known.compared[name]
    before = start.document.attributes
    leaning = before.get(name) or before[IDENTIFIER]

    def m(key: str, level: Level) -> float:
        if key == DIFFERENT and name in _GUARDED - model.excusable_differences:
            return level.m  # such pairs contradict, and took no part
        events = estimate.matches * estimate.share(key) + known.reached[name, key]
        return shrunk_or_refuted(events, trials, leaning.levels[key].m)

    return _with_levels(held, m=m)


Figure = Callable[[str, Level], float]


def _with_levels(held: Attribute, *, m: Figure | None = None, u: Figure | None = None) -> Attribute:
    return held.model_copy(
        update={
            "levels": {
                key: Level(
                    m=m(key, level) if m else level.m,
                    u=u(key, level) if u else level.u,
                    by_frequency=level.by_frequency,
                )
                for key, level in held.levels.items()
            }
        }
    )


def changes(before: ModelDocument, after: ModelDocument) -> dict[str, dict[str, LevelFigures]]:
    """Return what training changed, level by level; what it left alone is left out."""
    found: dict[str, dict[str, LevelFigures]] = {}
    for name, attribute in after.attributes.items():
        held = before.attributes.get(name) or before.attributes[IDENTIFIER]
        if attribute.levels != held.levels:
            found[name] = {
                key: LevelFigures(
                    m_before=held.levels[key].m, m=level.m, u_before=held.levels[key].u, u=level.u
                )
                for key, level in attribute.levels.items()
            }
    return found


def named(document: ModelDocument, trained_at: datetime) -> ModelDocument:
    """Return the document under a version of its own: the day, and a digest of the content."""
    content = document.model_dump_json(exclude={"version", "training"}).encode()
    digest = blake2b(content, digest_size=4).hexdigest()
    return document.model_copy(update={"version": f"trained-{trained_at:%Y-%m-%d}-{digest}"})

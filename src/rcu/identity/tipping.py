"""What would have tipped a pair that was kept apart: the fewest levels to change.

Asked of the scorer itself, with other levels in place of those observed. A changed level counts
as for an average value: how rare the name would have been, nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from rcu.identity import wording
from rcu.identity.braking import BRAKE
from rcu.identity.explanation import COMPARED, Guard, guard_of, levels_of
from rcu.identity.levels import MISSING
from rcu.identity.model import Model
from rcu.identity.scoring import Decision, PairScore, weigh_levels
from rcu.identity.wording import IDENTIFIER, Sentence

MOST_CHANGES: Final = 3
MOST_TIPS: Final = 8

_OF_TWO_ATTRIBUTES: Final = frozenset({"swapped"})
"""Names swap together: neither attribute can reach the level alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute at another level. Weights are what counts in the sum, in bits."""

    attribute: str
    name: Sentence
    from_level: str
    to_level: str
    counted_before: float
    counted_after: float
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Tip:
    """A set of changes that brings the pair to the link line, and what then still forbids it."""

    changes: tuple[Change, ...]
    weight: float
    gain: float
    decision: Decision
    guard: Guard | None
    sentence: Sentence


def find_tips(score: PairScore, model: Model) -> tuple[Tip, ...]:
    """Return the smallest sets of changed levels that reach the link line.

    When a guard would forbid the link after each of these, the smallest sets after which none
    does follow. Each set takes the weakest levels that are enough. None when the pair links, when
    a merge brake alone keeps it from that, or when three changes are not enough.
    """
    if score.decision is Decision.LINK or score.contradiction == BRAKE:
        return ()
    trial = _Trial(score, model)
    is_over = score.weight >= model.link_weight
    tips: list[Tip] = []
    for size in range(1, MOST_CHANGES + 1):
        found = sorted(trial.tips(size), key=_ease)
        linking = [tip for tip in found if tip.decision is Decision.LINK]
        # Over the line already, or once the line is reached, only an open way is news.
        tips += (linking if is_over or tips else found)[:MOST_TIPS]
        if linking:
            break
    return tuple(tips)


def _ease(tip: Tip) -> tuple[bool, float, tuple[str, ...]]:
    """Order tips: those that link, then the least gain."""
    return (
        tip.decision is not Decision.LINK,
        tip.gain,
        tuple(change.attribute for change in tip.changes),
    )


class _Trial:
    """One pair, tried with other levels."""

    def __init__(self, score: PairScore, model: Model) -> None:
        self._score = score
        self._model = model
        self._levels = levels_of(score)
        self._weights = {item.attribute: item.weight for item in score.evidence}
        self._counted = {item.attribute: item.counted for item in score.evidence}
        self._better = {
            attribute: better
            for attribute in sorted({*COMPARED, *self._levels})
            if (better := self._better_levels(attribute))
        }
        """By attribute, the levels that speak more for a match, the weakest first."""

    def _better_levels(self, attribute: str) -> list[str]:
        document = self._model.document.attributes
        levels = document[attribute if attribute in document else IDENTIFIER].levels
        # Only what speaks for a match: nobody wishes for a date that is a little less wrong.
        now = max(0.0, self._weights.get(attribute, 0.0))
        weights = {level: self._weight(attribute, level) for level in levels}
        return sorted(
            (
                level
                for level, weight in weights.items()
                if weight > now
                and level not in _OF_TWO_ATTRIBUTES
                and level != self._levels.get(attribute)
            ),
            key=lambda level: (weights[level], level),
        )

    def _weight(self, attribute: str, level: str) -> float:
        return self._model.identifier_weight(attribute, level)

    def tips(self, size: int) -> Iterator[Tip]:
        """Yield a tip for each set of `size` attributes that can reach the line."""
        for attributes in combinations(self._better, size):
            best = {attribute: self._better[attribute][-1] for attribute in attributes}
            reached = self._score_with(best)
            if reached.weight >= self._model.link_weight:
                yield self._tip(self._weakened(best, reached.decision))

    def _weakened(self, changed: dict[str, str], decision: Decision) -> dict[str, str]:
        """Lower each level as far as the line is still reached, with the same decision."""
        for attribute in changed:
            for level in self._better[attribute]:
                lower = changed | {attribute: level}
                reached = self._score_with(lower)
                if reached.weight >= self._model.link_weight and reached.decision is decision:
                    changed = lower
                    break
        return changed

    def _score_with(self, changed: Mapping[str, str]) -> PairScore:
        levels = {**self._levels, **changed}
        weighed = [
            (
                attribute,
                level,
                self._weight(attribute, level)
                if attribute in changed
                else self._weights[attribute],
            )
            for attribute, level in levels.items()
            if level != MISSING
        ]
        return weigh_levels(levels, weighed, self._model)

    def _tip(self, changed: Mapping[str, str]) -> Tip:
        score = self._score_with(changed)
        counted = {item.attribute: item.counted for item in score.evidence}
        code = guard_of(score, self._model)
        guard = None if code is None else Guard(code, wording.GUARDS[code])
        return Tip(
            changes=tuple(
                self._change(attribute, level, counted[attribute])
                for attribute, level in changed.items()
            ),
            weight=score.weight,
            gain=score.weight - self._score.weight,
            decision=score.decision,
            guard=guard,
            sentence=_tip_sentence(changed, score.weight, guard),
        )

    def _change(self, attribute: str, level: str, counted_after: float) -> Change:
        counted_before = self._counted.get(attribute, 0.0)
        clause = wording.level_sentence(attribute, level)
        gain = wording.bits(counted_after - counted_before, signed=False)
        return Change(
            attribute=attribute,
            name=wording.attribute_name(attribute),
            from_level=self._levels.get(attribute, MISSING),
            to_level=level,
            counted_before=counted_before,
            counted_after=counted_after,
            sentence=Sentence(f"{clause.en}: {gain.en} more.", f"{clause.fr} : {gain.fr} de plus."),
        )


def _tip_sentence(changed: Mapping[str, str], weight: float, guard: Guard | None) -> Sentence:
    clauses = [wording.level_sentence(attribute, level) for attribute, level in changed.items()]
    total = wording.bits(weight)
    en, fr = (
        "; ".join(_inside(getattr(clause, language)) for clause in clauses)
        for language in ("en", "fr")
    )
    said = Sentence(
        f"This would have been enough: {en}. It makes {total.en}.",
        f"Ceci aurait suffi : {fr}. Le total serait de {total.fr}.",
    )
    if guard is None:
        return said
    return Sentence(
        f"This would have reached the line: {en}. It makes {total.en}, "
        f"but a link would still be refused: {guard.sentence.en}.",
        f"Ceci aurait atteint le seuil : {fr}. Le total serait de {total.fr}, "
        f"mais le rapprochement resterait refusé : {guard.sentence.fr}.",
    )


def _inside(clause: str) -> str:
    """Return a clause as it stands inside a sentence."""
    return clause[:1].lower() + clause[1:]

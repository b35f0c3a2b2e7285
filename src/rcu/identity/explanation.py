"""A pair explained: evidence in the order of the comparison, with the sum as it runs.

Pure: what is explained is the `PairScore` that the engine itself decided by; nothing is weighed
a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from rcu.identity import wording
from rcu.identity.features import CARD, EMAIL, PHONE, Features
from rcu.identity.levels import MISSING
from rcu.identity.model import Model
from rcu.identity.scoring import Decision, Evidence, PairScore, designates_a_person
from rcu.identity.wording import Sentence

COMPARED = (
    "given_name",
    "family_name",
    "title",
    "birth_date",
    EMAIL,
    PHONE,
    CARD,
    "address",
    "place",
)
"""The attributes of every pair; other kinds of identifiers come beside them when both have them."""

_NONE: Mapping[tuple[str, str], Standing] = MappingProxyType({})

HOUSEHOLD_ONLY, NAMES_ALONE = "household_only", "names_alone"


@dataclass(frozen=True, slots=True)
class Step:
    """What one attribute says, and the sum once it has spoken. Weights are in bits."""

    attribute: str
    name: Sentence
    level: str
    weight: float
    counted: float
    """What of the weight entered the sum: less than all for what a household shares."""
    before: float
    """The sum before this step, the prior included."""
    after: float
    left: tuple[str, ...] | None
    """The normalised values of each side: personal data. None when they were not asked for."""
    right: tuple[str, ...] | None
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Standing:
    """Since when an identifier is shared, and who says so; its holders, when nobody does."""

    since: datetime | None = None
    declared_by: str | None = None


@dataclass(frozen=True, slots=True)
class SharedValue:
    """An identifier that both sides hold, and that links nobody."""

    kind: str
    value: str | None
    """Personal data; None when values were not asked for."""
    is_declared: bool
    """Whether a steward says so; else its holders do, who are too many."""
    declared_by: str | None
    since: datetime | None
    """None when nobody noted it."""
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Guard:
    """What forbids a link that the weight alone would make, or would come to make."""

    code: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class PairExplanation:
    """All that decided on a pair. The steps run from `prior` to `weight`."""

    decision: Decision
    weight: float
    probability: float
    prior: float
    link_weight: float
    review_weight: float
    steps: tuple[Step, ...]
    not_compared: tuple[str, ...]
    """Attributes that one side or both do not have."""
    guard: Guard | None
    shared: tuple[SharedValue, ...]
    sentence: Sentence


def explain_pair(
    score: PairScore,
    left: Features,
    right: Features,
    model: Model,
    *,
    shared: Mapping[tuple[str, str], Standing] = _NONE,
    with_values: bool = True,
) -> PairExplanation:
    """Explain the score of two records under a model.

    `shared` holds the shared identifiers that the score was made with. Without `with_values`
    the explanation holds no personal data.
    """
    steps = tuple(
        _step(item, before, after, (left, right) if with_values else None)
        for item, before, after in _running(score, model)
    )
    compared = {item.attribute for item in score.evidence}
    code = guard_of(score, model)
    guard = None if code is None else Guard(code, wording.GUARDS[code])
    common = sorted(set(left.identifiers) & set(right.identifiers) & shared.keys())
    return PairExplanation(
        decision=score.decision,
        weight=score.weight,
        probability=score.probability,
        prior=model.prior_bits,
        link_weight=model.link_weight,
        review_weight=model.review_weight,
        steps=steps,
        not_compared=tuple(name for name in COMPARED if name not in compared),
        guard=guard,
        shared=tuple(
            _shared_value(identifier, shared[identifier], with_values) for identifier in common
        ),
        sentence=_verdict(score, model, guard, steps),
    )


def _shared_value(
    identifier: tuple[str, str],
    standing: Standing,
    with_value: bool,  # noqa: FBT001
) -> SharedValue:
    kind, value = identifier
    return SharedValue(
        kind,
        value if with_value else None,
        is_declared=standing.declared_by is not None,
        declared_by=standing.declared_by,
        since=standing.since,
        sentence=wording.shared_sentence(kind, standing.declared_by, standing.since),
    )


def levels_of(score: PairScore) -> dict[str, str]:
    """Return the level of each attribute of a scored pair, as a decision looks at them."""
    return {
        **{name: MISSING for name in COMPARED if name != "title"},
        **{item.attribute: item.level for item in score.evidence},
    }


def guard_of(score: PairScore, model: Model) -> str | None:
    """Return what forbids the link: a contradiction, `household_only`, `names_alone`, or None."""
    if score.contradiction is not None:
        return score.contradiction
    if score.weight < model.link_weight or score.decision is Decision.LINK:
        return None
    return NAMES_ALONE if designates_a_person(levels_of(score), model) else HOUSEHOLD_ONLY


def values_of(attribute: str, features: Features) -> tuple[str, ...]:
    """Return the normalised values that a record was compared by. Personal data."""
    if attribute == "address":
        return tuple(f"{one.number} {one.street}".strip() for one in features.addresses)
    if attribute == "place":
        return tuple(f"{one.postcode} {one.city}".strip() for one in features.addresses)
    held: dict[str, tuple[str | None, ...]] = {
        "given_name": (" ".join(features.given_name),),
        "family_name": (" ".join(features.family_name), " ".join(features.birth_name)),
        "title": (features.gender,),
        "birth_date": (features.birth_date,),
        EMAIL: features.emails,
        PHONE: features.phones,
        CARD: features.cards + features.suspicious_cards,
    }
    if attribute in held:
        return tuple(value for value in held[attribute] if value)
    return tuple(value for kind, value in features.others if kind == attribute)


def _running(score: PairScore, model: Model) -> list[tuple[Evidence, float, float]]:
    """Return each piece of evidence with the sum before and after it.

    Summed as the engine does, so that the last sum is the weight to the last digit.
    """
    sums = [
        model.prior_bits + sum(item.counted for item in score.evidence[:count])
        for count in range(len(score.evidence) + 1)
    ]
    return list(zip(score.evidence, sums[:-1], sums[1:], strict=True))


def _step(
    item: Evidence, before: float, after: float, sides: tuple[Features, Features] | None
) -> Step:
    left, right = (
        (None, None)
        if sides is None
        else (values_of(item.attribute, sides[0]), values_of(item.attribute, sides[1]))
    )
    return Step(
        attribute=item.attribute,
        name=wording.attribute_name(item.attribute),
        level=item.level,
        weight=item.weight,
        counted=item.counted,
        before=before,
        after=after,
        left=left,
        right=right,
        sentence=_evidence_sentence(item),
    )


def _evidence_sentence(item: Evidence) -> Sentence:
    clause = wording.level_sentence(item.attribute, item.level)
    whole, counted = wording.bits(item.weight), wording.bits(item.counted)
    if item.counted == item.weight:
        return Sentence(f"{clause.en}: {whole.en}.", f"{clause.fr} : {whole.fr}.")
    return Sentence(
        f"{clause.en}: {whole.en}, of which {counted.en} count, as a household shares it.",
        f"{clause.fr} : {whole.fr}, dont {counted.fr} comptent, car un foyer le partage.",
    )


def _verdict(
    score: PairScore, model: Model, guard: Guard | None, steps: tuple[Step, ...]
) -> Sentence:
    said = _weight_sentence(score, model)
    if guard is not None:
        said = Sentence(
            f"{said.en} They may not link by themselves: {guard.sentence.en}.",
            f"{said.fr} Elles ne peuvent être rapprochées d'office : {guard.sentence.fr}.",
        )
    strongest = max(steps, key=lambda step: step.counted, default=None)
    if strongest is not None and strongest.counted > 0:
        said = Sentence(
            f"{said.en} Strongest: {strongest.name.en}.",
            f"{said.fr} Indice le plus fort : {strongest.name.fr}.",
        )
    head = _DECISIONS[score.decision]
    return Sentence(f"{head.en} {said.en}", f"{head.fr} {said.fr}")


_DECISIONS = {
    Decision.LINK: Sentence("The two records link.", "Les deux fiches sont rapprochées."),
    Decision.REVIEW: Sentence(
        "The two records are for a steward to judge.",
        "Les deux fiches sont à juger par un gestionnaire.",
    ),
    Decision.APART: Sentence("The two records do not link.", "Les deux fiches restent séparées."),
}


def _weight_sentence(score: PairScore, model: Model) -> Sentence:
    weight, line = wording.bits(score.weight), wording.bits(model.link_weight)
    chance = wording.percentage(score.probability)
    margin = wording.bits(abs(score.weight - model.link_weight), signed=False)
    above = score.weight >= model.link_weight
    return Sentence(
        f"{weight.en} in all, {margin.en} {'above' if above else 'below'} the line of {line.en}: "
        f"{chance.en} likely one person.",
        f"{weight.fr} au total, {margin.fr} {'au-dessus' if above else 'au-dessous'} du seuil de "
        f"{line.fr} : une seule personne avec une probabilité de {chance.fr}.",
    )

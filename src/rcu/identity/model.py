"""The match model: one versioned document of levels, m, u, thresholds, frequencies and limits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from copy import copy
from functools import lru_cache
from importlib.resources import files
from math import log2
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from rcu.identity.levels import MISSING

Probability = Annotated[float, Field(ge=1e-60, lt=1)]
"""Of no base so rare that its logarithm is none: any two of them make a weight."""
Share = Annotated[float, Field(ge=0, le=1)]
Bits = Annotated[float, Field(ge=-1_000, le=1_000)]
Count = Annotated[int, Field(gt=0, le=1_000_000)]
"""Counted by the database, which has bounds of its own."""
Names = Annotated[frozenset[str], PlainSerializer(sorted, return_type=list[str], when_used="json")]
"""A set that is written in one order, so that equal documents are equal texts."""

ATTRIBUTES = frozenset(
    {
        "given_name",
        "family_name",
        "title",
        "birth_date",
        "email",
        "phone",
        "card",
        "identifier",
        "address",
        "place",
    }
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Level(_Part):
    """One comparison level: how often it shows among matches (`m`) and among non-matches (`u`)."""

    m: Probability
    u: Probability
    by_frequency: bool = False
    """Whether agreement on a rare value counts more than on a common one."""


class Attribute(_Part):
    """The comparison levels of one attribute, best first."""

    levels: dict[str, Level]
    frequency_table: str | None = None
    max_weight: Bits | None = None
    """Ceiling, in bits, for a weight raised by a rare value."""


class FrequencyTable(_Part):
    """How common values are. `average` is the chance that two random people share a value."""

    note: str = ""
    average: Probability
    default: Probability
    """Frequency of a value that the table does not list."""
    values: dict[str, Probability]
    slips: Names = frozenset()
    """Of the values, those that are a commoner one gone wrong again and again: no names."""


class Household(_Part):
    """What the attributes that a household shares count for beside their strongest.

    Each next one counts for the share to the power of its rank: 1, 1/2, 1/4 at a share of 1/2.
    Family name and home are given back what this takes as long as all stays below the prior.
    """

    attributes: Names
    agreeing_share: Share
    disagreeing_share: Share


class LevelFigures(_Part):
    """One level before training and after, and in how many expected matches it was seen."""

    m_before: Probability
    m: Probability
    u_before: Probability
    u: Probability


class Session(_Part):
    """One run of expectation maximisation, over the pairs that agree on something."""

    block: str
    pairs: int
    iterations: int
    converged: bool
    match_share: Share


class TrainingFigures(_Part):
    """How a document was trained: on what, how it converged, what changed."""

    trained_at: AwareDatetime
    trained_from: str
    """Version of the model that the training started with."""
    records: int
    base_records: int
    """Records of the base that these were drawn from: the prior is that of the base."""
    clients: int
    """Clients of the first partition, each of which counts once for how common a name is."""
    candidate_pairs: int
    random_pairs: int
    sessions: tuple[Session, ...]
    judgements: int
    judgement_shift_bits: float
    """By how much the judgements moved the prior."""
    prior_bits_before: float
    expected_matches: float
    log_likelihood_bits: float
    """Of the candidate pairs under the trained weights and prior, against no pair matching."""
    levels: dict[str, dict[str, LevelFigures]]
    """By attribute and level, what changed; attributes that the records lack are left out."""


class ModelDocument(_Part):
    """A match model as it is stored and exchanged. Weights follow from it: `log2(m / u)` bits."""

    version: str
    notes: tuple[str, ...] = ()
    prior_bits: Bits
    """Log-odds, in bits, that two records drawn at random are one person."""
    link_weight: Bits
    review_weight: Bits
    names_alone_link: bool
    """Whether two records may link when nothing but their names agrees.

    They still need the weight, which asks for rare names, and that the records hold no two people
    of the name (see `partition`).
    """
    household: Household
    key_cap: Annotated[int, Field(gt=1, le=10_000)]
    """A blocking key with more holders than this finds no candidates."""
    single_valued_kinds: Names
    """Kinds of other identifiers of which a person has one: two different ones speak against."""
    shared_limits: dict[str, Count]
    """By kind, how many different people may hold a value before it stops designating one."""
    value_limits: dict[str, Count]
    """By kind, how many different values one client may have before a merge is refused."""
    attributes: dict[str, Attribute]
    frequencies: dict[str, FrequencyTable]
    excusable_differences: Annotated[
        frozenset[Literal["given_name", "birth_date"]],
        PlainSerializer(sorted, return_type=list[str], when_used="json"),
    ] = frozenset()
    """Of given name and birth date, the one that may plainly differ while the other agrees.

    Empty where households are: a twin differs by the given name alone, a son of his father's
    name by the birth date. Training fills it where the records show no households.
    """
    lent_kinds: Names = frozenset()
    """Of the single-valued kinds, those that people lend one another, within families mostly.

    Their agreement outvotes a given name or birth date that plainly differs only where the other of
    the two agrees. Training fills it where the records show such loans.
    """
    ambiguous_kinds: Names = frozenset()
    """Kinds of which a person has one value, and others the same: the last digits of a number.

    Two different values speak against a pair; an equal one is weighed, and outvotes nothing.
    Training fills it.
    """
    training: TrainingFigures | None = None
    """How the document was trained; None when it was written by hand."""

    @model_validator(mode="after")
    def _complete(self) -> ModelDocument:
        if missing := ATTRIBUTES - self.attributes.keys():
            raise ValueError(f"attributes missing: {sorted(missing)}")
        if "given_name" not in self.frequencies:
            raise ValueError("no frequency table of given names")
        if self.review_weight > self.link_weight:
            raise ValueError("review_weight lies above link_weight")
        for name, attribute in self.attributes.items():
            counts = any(level.by_frequency for level in attribute.levels.values())
            if counts and attribute.frequency_table not in self.frequencies:
                raise ValueError(f"{name}: no frequency table")
        if "default" not in self.shared_limits or "default" not in self.value_limits:
            raise ValueError("limits need a default")
        return self


class Model:
    """A match model ready for scoring: its document, with every weight worked out."""

    __slots__ = (
        "_by_frequency",
        "_weights",
        "compared_kinds",
        "document",
        "excusable_differences",
        "household",
        "is_common_given_name",
        "key_cap",
        "lent_kinds",
        "link_weight",
        "name_cache",
        "names_alone_link",
        "prior_bits",
        "review_weight",
        "score_cache",
        "single_valued_kinds",
        "version",
    )

    def __init__(self, document: ModelDocument) -> None:
        self.document = document
        self.version = document.version
        self.prior_bits = document.prior_bits
        self.link_weight = document.link_weight
        self.review_weight = document.review_weight
        self.names_alone_link = document.names_alone_link
        self.household = _CompiledHousehold(document.household)
        self.key_cap = document.key_cap
        self.excusable_differences = document.excusable_differences
        self.single_valued_kinds = document.single_valued_kinds
        self.lent_kinds = document.lent_kinds
        self.compared_kinds = document.single_valued_kinds | document.ambiguous_kinds
        self.name_cache: OrderedDict[Any, Any] = OrderedDict()
        """Names already compared under this model (see `compared_pairs.cached_names`)."""
        self.score_cache: OrderedDict[Any, Any] = OrderedDict()
        """Combinations of levels already weighed under this model (see `scoring.score_pair`).

        None stands for one that is too light for anything but to stay apart.
        """
        given_names = document.frequencies["given_name"]
        self.is_common_given_name: Callable[[str], bool] = frozenset(
            given_names.values.keys() - given_names.slips
        ).__contains__
        """Tells whether the frequency table lists a given name (lower-case ASCII, run together).

        What it lists as a slip is none.
        """
        self._weights = {
            name: {key: log2(level.m / level.u) for key, level in attribute.levels.items()}
            for name, attribute in document.attributes.items()
        }
        self._by_frequency = {
            (name, key): _Correction(
                document.frequencies[attribute.frequency_table or ""], attribute.max_weight
            )
            for name, attribute in document.attributes.items()
            for key, level in attribute.levels.items()
            if level.by_frequency
        }

    @classmethod
    def from_json(cls, text: bytes | str) -> Model:
        """Return the model of a document; raises `pydantic.ValidationError` when it is unsound."""
        return cls(ModelDocument.model_validate_json(text))

    @classmethod
    @lru_cache(maxsize=1)
    def shipped(cls) -> Model:
        """Return the model that comes with the service."""
        path = files("rcu.identity").joinpath("documents", "shipped.json")
        return cls.from_json(path.read_bytes())

    def apart(self) -> Model:
        """Return the same model with a memory of its own, for another thread than this one's."""
        twin = copy(self)
        twin.name_cache, twin.score_cache = OrderedDict(), OrderedDict()
        return twin

    def forget_pairs(self) -> None:
        """Forget the names and scores that are remembered: a set of writes begins.

        What meets again does so among the candidates of one record, hardly ever among those of
        the next. Kept for longer, hundreds of objects a record live just long enough for the
        garbage collector to walk through them: pauses of 10 to 40 ms, measured, and more of them.
        """
        self.name_cache.clear()
        self.score_cache.clear()

    def weight(self, attribute: str, level: str, value: str | None = None) -> float:
        """Return the match weight of a level, in bits; 0 for a level that the model lacks.

        `value` is what both sides agree on: where the level counts by frequency, a rare value
        weighs more than a common one.
        """
        weight = self._weights[attribute].get(level, 0.0)
        if value is None:
            return weight
        correction = self._by_frequency.get((attribute, level))
        return weight if correction is None else correction.apply(weight, value)

    def weigh(
        self, levels: Mapping[str, str], by_value: Mapping[str, float]
    ) -> list[tuple[str, str, float]]:
        """Return attribute, level and weight of all that could be compared.

        `by_value` holds the `weight` of attributes whose values count by their frequency.
        """
        weights = self._weights
        found = []
        for attribute, level in levels.items():
            if level == MISSING:
                continue
            weight = by_value.get(attribute)
            if weight is None:
                weight = weights[attribute].get(level, 0.0)
            found.append((attribute, level, weight))
        return found

    def identifier_weight(self, kind: str, level: str) -> float:
        """Return the match weight of another identifier: of its kind, if the model knows it."""
        return self.weight(kind if kind in self._weights else "identifier", level)

    def shared_limit(self, kind: str) -> int:
        """Return how many different people may hold one value of `kind`."""
        limits = self.document.shared_limits
        return limits.get(kind, limits["default"])

    def value_limit(self, kind: str) -> int:
        """Return how many different values of `kind` one client may have."""
        limits = self.document.value_limits
        return limits.get(kind, limits["default"])


class _CompiledHousehold:
    """The household rule without the cost of reading a Pydantic model for every pair."""

    __slots__ = ("agreeing_share", "attributes", "disagreeing_share")

    def __init__(self, household: Household) -> None:
        self.attributes = household.attributes
        self.agreeing_share = household.agreeing_share
        self.disagreeing_share = household.disagreeing_share


class _Correction:
    """What the rarity of a value adds to the weight of agreeing on it."""

    __slots__ = ("_bits", "_ceiling", "_default")

    def __init__(self, table: FrequencyTable, ceiling: float | None) -> None:
        self._bits = {value: log2(table.average / f) for value, f in table.values.items()}
        self._default = log2(table.average / table.default)
        self._ceiling = float("inf") if ceiling is None else ceiling

    def apply(self, weight: float, value: str) -> float:
        return min(weight + self._bits.get(value, self._default), self._ceiling)

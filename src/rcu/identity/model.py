"""The match model: one versioned document of levels, m, u, thresholds, frequencies and limits."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from math import log2
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

Probability = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]

ATTRIBUTES = (
    "given_name", "family_name", "title", "birth_date", "email", "phone", "card", "identifier", "address", "place",
)  # fmt: skip


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Level(_Document):
    """One comparison level: how often it shows among matches (`m`) and among non-matches (`u`)."""

    m: Probability
    u: Probability
    by_frequency: bool = False
    """Whether agreement on a rare value counts more than on a common one."""


class Attribute(_Document):
    """The comparison levels of one attribute, best first."""

    levels: dict[str, Level]
    frequency_table: str | None = None
    max_weight: float | None = None
    """Ceiling, in bits, for a weight raised by a rare value."""


class FrequencyTable(_Document):
    """How common values are. `average` is the chance that two random people share a value."""

    note: str = ""
    average: Probability
    default: Probability
    """Frequency of a value that the table does not list."""
    values: dict[str, Probability]


class Household(_Document):
    """What the attributes that a household shares count for beside their strongest."""

    attributes: frozenset[str]
    agreeing_share: Share
    disagreeing_share: Share


class Model(_Document):
    """A match model. Weights are in bits: `log2(m / u)`."""

    version: str
    notes: tuple[str, ...] = ()
    prior_bits: float
    link_weight: float
    review_weight: float
    household: Household
    key_cap: Annotated[int, Field(gt=1)]
    """A blocking key with more holders than this finds no candidates."""
    single_valued_kinds: frozenset[str]
    """Kinds of other identifiers of which a person has one: two different ones speak against."""
    shared_limits: dict[str, int]
    """By kind, how many different people may hold a value before it stops designating one."""
    value_limits: dict[str, int]
    """By kind, how many different values one client may have before a merge is refused."""
    attributes: dict[str, Attribute]
    frequencies: dict[str, FrequencyTable]

    _weights: dict[str, dict[str, float]] = PrivateAttr(default_factory=dict)
    _by_frequency: dict[tuple[str, str], tuple[dict[str, float], float, float]] = PrivateAttr(
        default_factory=dict
    )
    _name_cache: dict[Any, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Model:
        missing = set(ATTRIBUTES) - self.attributes.keys()
        if missing:
            raise ValueError(f"attributes missing: {sorted(missing)}")
        if self.review_weight > self.link_weight:
            raise ValueError("review_weight lies above link_weight")
        for name, attribute in self.attributes.items():
            if any(level.by_frequency for level in attribute.levels.values()) and (
                attribute.frequency_table not in self.frequencies
            ):
                raise ValueError(f"{name}: no frequency table")
        for limits in (self.shared_limits, self.value_limits):
            if "default" not in limits:
                raise ValueError("limits need a default")
        return self

    def model_post_init(self, _context: object, /) -> None:
        """Compile weights and frequency corrections, so that scoring only looks them up."""
        for name, attribute in self.attributes.items():
            self._weights[name] = {key: log2(lv.m / lv.u) for key, lv in attribute.levels.items()}
            if attribute.frequency_table in self.frequencies:
                self._compile_frequencies(name, attribute)

    def _compile_frequencies(self, name: str, attribute: Attribute) -> None:
        table = self.frequencies[attribute.frequency_table or ""]
        corrections = {value: log2(table.average / f) for value, f in table.values.items()}
        default = log2(table.average / table.default)
        ceiling = attribute.max_weight if attribute.max_weight is not None else float("inf")
        for key, level in attribute.levels.items():
            if level.by_frequency:
                self._by_frequency[name, key] = (corrections, default, ceiling)

    @classmethod
    @lru_cache(maxsize=1)
    def shipped(cls) -> Model:
        """Return the model that comes with the service."""
        document = files("rcu.identity").joinpath("documents", "shipped.json")
        return cls.model_validate_json(document.read_bytes())

    def weight(self, attribute: str, level: str, value: str | None = None) -> float:
        """Return the match weight of a level, in bits, for an agreement on `value`; 0 for no level of the model."""
        weight = self._weights[attribute].get(level, 0.0)
        if value is None:
            return weight
        corrected = self._by_frequency.get((attribute, level))
        if corrected is None:
            return weight
        corrections, default, ceiling = corrected
        return min(weight + corrections.get(value, default), ceiling)

    def is_common_given_name(self, value: str) -> bool:
        """Tell whether the frequency table lists this given name (lower-case ASCII, run together)."""
        return value in self.frequencies["given_name"].values

    def shared_limit(self, kind: str) -> int:
        """Return how many different people may hold one value of `kind`."""
        return self.shared_limits.get(kind, self.shared_limits["default"])

    def value_limit(self, kind: str) -> int:
        """Return how many different values of `kind` one client may have."""
        return self.value_limits.get(kind, self.value_limits["default"])

"""Splink 5 as a peer: the settings that its own documentation gives for records of people.

Splink gets every advantage short of our comparison: values normalised by our own code, junk
nulled, u of ten million random pairs, m by expectation maximisation on three blocks, ten blocking
rules, term frequencies of names, e-mails and places, and the cluster threshold of its tutorials,
0.95.
Of its own comparisons it gets those that served it best on the sets measured here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from rcu.identity.features import Features
from rcu.identity.repository import RecordKey

THRESHOLD = 0.95
_SEED = 7
_DETERMINISTIC_RECALL = 0.7
"""What the tutorials assume that the deterministic rules find."""

_SAMPLED_PAIRS = 1e7
"""The least that Splink's documentation calls adequate; it finds a thousand million best, which
takes the time of a hundred such samples."""

_CONTACTS = frozenset({"email", "phone"})
_COUNTED = frozenset({"given_name", "family_name", "email", "postcode", "city"})
"""Columns whose values may count by their frequency."""
_SINGLE = ("email", "phone", "card", "identifier")
COLUMNS = (
    "given_name", "family_name", "birth_date", *_SINGLE, "street", "postcode", "city",
)  # fmt: skip
_RULES = (
    ("email",),
    ("phone",),
    ("card",),
    ("identifier",),
    ("given_name", "family_name"),
    ("birth_date", "family_name"),
    ("birth_date", "given_name"),
    ("family_name", "postcode"),
    ("given_name", "postcode"),
    ("street", "postcode"),
)
_TRAINED_ON = (("given_name", "family_name"), ("birth_date",), ("email",))
_DETERMINISTIC = (
    ("given_name", "family_name", "birth_date"),
    ("email", "given_name"),
    ("phone", "given_name"),
)


def columns_of(features: Features, *, with_years: bool = False) -> dict[str, str | None]:
    """Return one record as Splink's tutorials shape it: a text or nothing in each column.

    A first of January is junk, unless `with_years`: where years are mostly all that is known.
    """
    home = features.addresses[0] if features.addresses else None
    values = {
        "given_name": " ".join(features.given_name),
        "family_name": " ".join(features.family_name),
        "birth_date": (
            "" if features.birth_date_is_vague and not with_years else features.birth_date
        ),
        "email": next(iter(features.emails), ""),
        "phone": next(iter(features.phones), ""),
        "card": next(iter(features.cards), ""),
        "identifier": next((value for _, value in features.others), ""),
        "street": " ".join(filter(None, (home.number, home.street))) if home else "",
        "postcode": home.postcode if home else "",
        "city": home.city if home else "",
    }
    return {name: value or None for name, value in values.items()}


def table_of(records: Mapping[RecordKey, Features]) -> pa.Table:
    """Return records as Splink's input table, `record_id` numbering them in their order."""
    dated = [features for features in records.values() if features.birth_date]
    with_years = 2 * sum(features.birth_date_is_vague for features in dated) > len(dated)
    rows = [columns_of(features, with_years=with_years) for features in records.values()]
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in COLUMNS}
    return pa.table({"record_id": pa.array(range(len(rows)), pa.int64())} | columns)


class Base(StrEnum):
    """How the base is held that a single record is matched with."""

    PANDAS = "pandas"
    """As Splink's documentation does throughout."""
    ARROW = "Arrow"
    """As this benchmark does elsewhere: a column is read where it lies."""
    DUCKDB = "DuckDB"
    """A table of DuckDB's own: the quickest."""


class Cleaned(NamedTuple):
    """Records that were normalised elsewhere: a table like that of `table_of`, and their keys."""

    table: pa.Table
    keys: Sequence[RecordKey]


class SplinkPeer:
    """A Splink linker over one base of records: trained, then asked."""

    def __init__(self, records: Mapping[RecordKey, Features] | Cleaned) -> None:
        """Load the base; columns that hold nothing are left out of everything."""
        if not isinstance(records, Cleaned):
            records = Cleaned(table_of(records), list(records))
        self.table, self._keys = records
        self._filled = {
            name for name in COLUMNS if self.table[name].null_count < len(self.table) - 1
        }
        self._connection = duckdb.connect()
        self.database = DuckDBAPI(self._connection)
        logging.getLogger("splink").setLevel(logging.ERROR)
        self.base = self.database.register(self.table, table_name="base")
        self._bases = {Base.ARROW: self.base}
        self.linker = Linker(
            self.base, self._settings(), log_level=logging.ERROR, validate_settings=False
        )

    def train(self) -> None:
        """Estimate prior, u and m without labels, as the tutorials do."""
        training = self.linker.training
        deterministic = [rule for rule in _DETERMINISTIC if self._finds_pairs(rule)]
        training.estimate_probability_two_random_records_match(
            self._usable(tuple(deterministic) or _RULES), recall=_DETERMINISTIC_RECALL
        )
        training.estimate_u_using_random_sampling(max_pairs=_SAMPLED_PAIRS, seed=_SEED)
        for rule in self._usable(_TRAINED_ON):
            training.estimate_parameters_using_expectation_maximisation(rule)

    def predict(self) -> Any:
        """Return the scored candidate pairs, a table of Splink's."""
        return self.linker.inference.predict(threshold_match_probability=0.5, warning_mode="never")

    def clusters(self, predictions: Any, *, threshold: float = THRESHOLD) -> dict[RecordKey, int]:
        """Return record -> cluster: the connected components above a threshold."""
        found = self.linker.clustering.cluster_pairwise_predictions_at_threshold(
            predictions, threshold_match_probability=threshold
        ).as_pyarrow_table()
        ids = found["record_id"].to_pylist()
        return {
            self._keys[i]: cluster
            for i, cluster in zip(ids, found["cluster_id"].to_pylist(), strict=True)
        }

    def prepare_single(self) -> None:
        """Count the term frequencies that single-record matching asks for, once."""
        for column in _COUNTED & self._filled:
            frequencies = self.linker.table_management.compute_tf_table(column)
            self.linker.table_management.register_term_frequency_lookup(frequencies, column)

    def match_one(self, record: Features, base: Base = Base.ARROW) -> int:
        """Find the matches of one new record in the base; return how many there are."""
        table = table_of({("new", "new"): record})
        incoming = self.database.register(table.to_pandas() if base is Base.PANDAS else table)
        found = self.linker.inference.predict_between(
            incoming, self._held(base), threshold_match_probability=THRESHOLD, warning_mode="never"
        )
        matches = len(found.as_pyarrow_table())
        found.drop_table_from_database_and_remove_from_cache()
        return matches

    def _held(self, base: Base) -> Any:
        if base not in self._bases:
            held: Any = "base_native"
            if base is Base.PANDAS:
                held = self.table.to_pandas()
            else:
                self._connection.execute("CREATE TABLE base_native AS SELECT * FROM base")
            self._bases[base] = self.database.register(held, table_name=f"base_{base}")
        return self._bases[base]

    def _finds_pairs(self, rule: tuple[str, ...]) -> bool:
        """Tell whether two records agree on all of a rule; of none, Splink makes a prior of 0."""
        if not self._filled.issuperset(rule):
            return False
        rows = self.table.select(rule).drop_null()
        return len(rows.group_by(list(rule)).aggregate([])) < len(rows)

    def _usable(self, rules: tuple[tuple[str, ...], ...]) -> list[Any]:
        return [block_on(*rule) for rule in rules if self._filled.issuperset(rule)]

    def _settings(self) -> SettingsCreator:
        return SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name="record_id",
            comparisons=[*_names(self._filled), *_facts(self._filled), *_home(self._filled)],
            blocking_rules_to_generate_predictions=self._usable(_RULES),
            retain_matching_columns=False,
            retain_intermediate_calculation_columns=False,
        )


def _names(filled: set[str]) -> list[Any]:
    """Return how names are compared: as one where there are contacts, as the Febrl demo else."""
    if filled >= {"given_name", "family_name"} and filled & _CONTACTS:
        return [_by_frequency(cl.ForenameSurnameComparison("given_name", "family_name"))]
    return [
        _by_frequency(cl.NameComparison(name))
        for name in ("given_name", "family_name")
        if name in filled
    ]


def _facts(filled: set[str]) -> list[Any]:
    comparisons = {
        "birth_date": cl.DateOfBirthComparison("birth_date", input_is_string=True),
        "email": _by_frequency(cl.EmailComparison("email")),
        "phone": cl.LevenshteinAtThresholds("phone", [1, 2]),
        "card": cl.LevenshteinAtThresholds("card", [1]),
        "identifier": cl.LevenshteinAtThresholds("identifier", [1]),
    }
    return [made for name, made in comparisons.items() if name in filled]


def _home(filled: set[str]) -> list[Any]:
    """Return how homes are compared: as one fact where there are contacts that say so much more.

    Street, postcode and city counted apart cost Splink more than a tenth of its precision there;
    without contacts, as in the Febrl demo, they serve it better so.
    """
    if filled & _CONTACTS and filled >= {"postcode", "city"}:
        street = (
            [cll.And(cll.JaroWinklerLevel("street", 0.9), cll.ExactMatchLevel("postcode"))]
            if "street" in filled
            else []
        )
        levels: list[Any] = [
            cll.And(cll.NullLevel("postcode"), cll.NullLevel("city")),
            *street,
            cll.ExactMatchLevel("postcode").configure(tf_adjustment_column="postcode"),
            cll.ExactMatchLevel("city").configure(tf_adjustment_column="city"),
            cll.ElseLevel(),
        ]
        return [cl.CustomComparison(levels, output_column_name="home")]
    comparisons = {
        "street": cl.JaroWinklerAtThresholds("street", [0.9, 0.7]),
        "postcode": cl.LevenshteinAtThresholds("postcode", [1, 2]),
        "city": _by_frequency(cl.ExactMatch("city")),
    }
    return [made for name, made in comparisons.items() if name in filled]


def _by_frequency(comparison: Any) -> Any:
    return comparison.configure(term_frequency_adjustments=True)

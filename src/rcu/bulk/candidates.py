"""The pairs worth weighing: those that share a key, less those that are plainly two people.

Most of the pairs that share a key in a large base share a family name and a town, or a sound and
a birthday, and are two people by their birth dates or given names. The decision on such a pair is
the same whatever the rest says (`identity.scoring`: a plain contradiction is looked at only when
an identifier agrees), so it is taken set-wise and the rest is never compared: birth dates in SQL,
given names once for each two names that meet, however many records bear them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar
from zlib import crc32

import pyarrow as pa

from rcu.bulk.batches import batch_of, document_of, model_of, rows_of
from rcu.bulk.engine import Engine
from rcu.bulk.parts import parts_of
from rcu.identity.contradictions import BIRTH_DATE, GIVEN_NAME
from rcu.identity.features import Features
from rcu.identity.model import Model
from rcu.identity.name_comparison import given_names_differ

_NAME_MARK, _WORD_MARK = "\x1f", " "

PARTING_FIELDS = (
    pa.field("names", pa.string()),
    pa.field("born", pa.string()),
    pa.field("has_others", pa.bool_()),
    pa.field("marks", pa.int64()),
)
"""What can part a record from another at a glance: names as one text, a birth date that is not
vague, whether it holds identifiers that have to be weighed, such as a national id, and the bits
of its identifiers: records that have no bit in common share none."""
_BITS = 63


def parting_values(features: Features) -> tuple[str, str | None, bool, int]:
    """Return the values of `PARTING_FIELDS` of a record."""
    names = (features.given_name, features.family_name, features.birth_name)
    return (
        _NAME_MARK.join(map(_WORD_MARK.join, names)),
        None if features.birth_date_is_vague else features.birth_date,
        bool(features.others),
        _marks(features),
    )


def _marks(features: Features) -> int:
    """Return a number with a bit for each identifier; two of them may have one in common."""
    marks = 0
    for _, value in features.identifiers:
        marks |= 1 << crc32(value.encode()) % _BITS
    return marks


@lru_cache(maxsize=16384)
def _named(names: str) -> Features:
    """Return features that hold the names of `parting_values` and nothing else."""
    given, family, birth = (tuple(words.split()) for words in names.split(_NAME_MARK))
    return Features(given_name=given, family_name=family, birth_name=birth)


@dataclass(frozen=True)
class PartByName:
    """From two people's names to the pairs of names whose given names are plainly different."""

    document: bytes
    schema: ClassVar[pa.Schema] = pa.schema([("one_name", pa.int64()), ("other_name", pa.int64())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the pairs of names that part who bears them."""
        for batch in batches:
            met = rows_of(batch, "one_name", "other_name", "one_names", "other_names")
            yield batch_of(self.schema, list(self._parting(met)))

    def _parting(self, met: Iterator[tuple[Any, ...]]) -> Iterator[tuple[int, int]]:
        is_common = model_of(self.document).is_common_given_name
        for one, other, one_names, other_names in met:
            if given_names_differ(_named(one_names), _named(other_names), is_common):
                yield one, other


@dataclass(frozen=True, slots=True)
class Blocked:
    """How many keys and pairs a base has."""

    records: int
    blocking_keys: int
    generic_keys: int
    """Keys with more holders than the model allows, which found no candidates."""
    pairs: int
    """Pairs that share a key."""
    weighed_pairs: int
    """Those that are not plainly two people."""


def find_candidates(engine: Engine, model: Model) -> Blocked:
    """Make the table `candidate` (number, left_number, right_number) of the pairs worth weighing.

    Reads the table `record`, which has `keys`, `identifiers` and `PARTING_FIELDS`.
    """
    counts = block(engine, cap=model.key_cap)
    leave_strangers_out(engine, model)
    [(weighed,)] = engine.rows("SELECT count(*) FROM candidate")
    return Blocked(*(int(str(count)) for count in (*counts, weighed)))


def block(engine: Engine, *, cap: int) -> tuple[object, ...]:
    """Make the table `met` of pairs that share a key with `cap` holders at most.

    Returns how many records, keys, generic keys and pairs there are.
    """
    engine.create("held_key", f"SELECT number, {engine.explode}(keys) AS blocking_key FROM record")
    engine.create(
        "key_use",
        "SELECT blocking_key, count(*) AS holders FROM held_key GROUP BY blocking_key "
        "HAVING count(*) > 1",
    )
    engine.create(
        "useful_key",
        "SELECT h.blocking_key, h.number FROM held_key h JOIN key_use u "
        f"ON u.blocking_key = h.blocking_key WHERE u.holders <= {cap}",
    )
    engine.create(
        "met",
        *(
            "SELECT DISTINCT l.number AS left_number, r.number AS right_number "
            "FROM useful_key l JOIN useful_key r ON r.blocking_key = l.blocking_key "
            f"WHERE l.number < r.number AND {part.holds('l.number')}"
            for part in parts_of(engine, "record")
        ),
    )
    [counts] = engine.rows(
        "SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM held_key), "
        f"(SELECT count(*) FROM key_use WHERE holders > {cap}), (SELECT count(*) FROM met)"
    )
    engine.drop("held_key", "key_use", "useful_key")
    return counts


def leave_strangers_out(engine: Engine, model: Model) -> None:
    """Make the table `candidate` of the pairs of `met`, less those that are plainly two people."""
    _part_by_birth_date(engine, model)
    _part_by_given_name(engine, document_of(model))


# As `identity.comparison.compare_birth_dates`: two parts of three differ, day and month are not
# merely swapped, and the months are too far apart for days or years that were miscounted.
_BORN_APART = """(
    CAST(l.year <> r.year AS integer) + CAST(l.month <> r.month AS integer)
    + CAST(l.day <> r.day AS integer) > 1
    AND NOT (l.year = r.year AND l.month = r.day AND l.day = r.month)
    AND {months} NOT IN ({near})
)""".format(
    months="abs(12 * (l.year - r.year) + l.month - r.month)",
    near=", ".join(
        str(m + off) for m in (0, 12, 120, 1200) for off in range(-2, 3) if m + off >= 0
    ),
)
_BORN_ALIKE = "coalesce(l.year = r.year AND l.month = r.month AND l.day = r.day, false)"


def _part_by_birth_date(engine: Engine, model: Model) -> None:
    """Make the table `doubtful` of the pairs that no birth date parts, with who bears which name.

    A pair `is_tied` when an identifier has to be weighed, whatever names and dates say.
    """
    engine.number("spoken", "SELECT DISTINCT names FROM record", by="names")
    engine.create(
        "glance",
        # Dates in numbers, which are compared in a fraction of the time.
        "SELECT r.number, s.number AS name, r.has_others, r.marks, r.identifiers, "
        "CAST(substr(r.born, 1, 4) AS integer) AS year, "
        "CAST(substr(r.born, 6, 2) AS integer) AS month, "
        "CAST(substr(r.born, 9, 2) AS integer) AS day "
        "FROM record r JOIN spoken s ON s.names = r.names",
    )
    apart = "false" if BIRTH_DATE in model.excusable_differences else _BORN_APART
    excused = "true" if GIVEN_NAME in model.excusable_differences else "false"
    engine.create(
        "doubtful",
        *(
            f"""
        SELECT left_number, right_number, one_name, other_name, is_tied FROM (
            SELECT m.left_number, m.right_number,
                   least(l.name, r.name) AS one_name, greatest(l.name, r.name) AS other_name,
                   coalesce({apart}, false) AS is_apart,
                   (l.has_others AND r.has_others)
                   OR CASE WHEN (l.marks & r.marks) <> 0
                           THEN {engine.overlap}(l.identifiers, r.identifiers) ELSE false END
                   OR ({excused} AND {_BORN_ALIKE}) AS is_tied
            FROM met m
            JOIN glance l ON l.number = m.left_number JOIN glance r ON r.number = m.right_number
            WHERE {part.holds("m.left_number")} AND {part.holds("l.number")}
        ) AS seen
        WHERE is_tied OR NOT is_apart
        """
            for part in parts_of(engine, "record")
        ),
    )
    engine.drop("met", "glance")


def _part_by_given_name(engine: Engine, document: bytes) -> None:
    """Make the table `candidate` of the doubtful pairs that no given name parts.

    Pairs of the same names stand together: weighing them unpacks each record once.
    """
    engine.map(
        "parted",
        """
        SELECT d.one_name, d.other_name, o.names AS one_names, t.names AS other_names FROM (
            SELECT DISTINCT one_name, other_name FROM doubtful
            WHERE NOT is_tied AND one_name <> other_name
        ) AS d
        JOIN spoken o ON o.number = d.one_name JOIN spoken t ON t.number = d.other_name
        """,
        PartByName(document),
    )
    engine.number(
        "candidate",
        """
        SELECT d.left_number, d.right_number, d.one_name, d.other_name FROM doubtful d
        LEFT JOIN parted p ON p.one_name = d.one_name AND p.other_name = d.other_name
        WHERE d.is_tied OR p.one_name IS NULL
        """,
        by="one_name, other_name",
    )
    engine.drop("doubtful", "parted", "spoken")

"""The rows of each table of PostgreSQL, as queries over the tables of a first load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pyarrow as pa

from rcu.bulk.copying import TableFile
from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.parts import parts_of
from rcu.identity.outcomes import MAX_REVIEWS


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of a table come from."""

    columns: tuple[str, ...]
    select: str
    """`{at}` is the time of the load, `{model_version}` the version of its model."""
    plain: frozenset[str] = frozenset()
    """Columns of text in which COPY would take nothing for a sign of its own."""


OF_RECORDS: Mapping[str, Source] = {
    "blocking_key": Source(
        ("key", "record_id", "face"),
        """
        SELECT key, id, CASE WHEN position <= faced_keys THEN face END FROM (
            SELECT unnest(r.keys) AS key, generate_subscripts(r.keys, 1) AS position, i.id,
                   r.faced_keys, r.face
            FROM record r JOIN record_id i ON i.number = r.number
        ) AS held
        """,
        plain=frozenset({"face"}),  # words in plain ASCII, and a day
    ),
    "identifier": Source(
        ("kind", "value", "record_id", "origin", "verified_at", "stated_since", "first_seen_at"),
        """
        SELECT split_part(identifier, chr(31), 1), identifier[strpos(identifier, chr(31)) + 1:],
               id, origin, verified_at, stated_since, '{at}'
        FROM (
            SELECT i.id, 'profile' AS origin, unnest(r.held) AS identifier,
                   unnest(r.verified_at) AS verified_at, unnest(r.stated_since) AS stated_since
            FROM record r JOIN record_id i ON i.number = r.number
            UNION ALL
            SELECT i.id, 'withdrawn', unnest(r.withdrawn), unnest(r.withdrawn_verified_at),
                   unnest(r.withdrawn_stated_since)
            FROM record r JOIN record_id i ON i.number = r.number
        ) AS stated
        """,
    ),
    "inbox_payload": Source(
        ("source", "message_id", "received_at", "payload"),
        "SELECT source, message_id, '{at}', payload FROM message",
    ),
}  # fmt: skip
"""The tables that tell of records, whoever they are of: written while it is worked out whose."""

OF_PAIRS: Mapping[str, Source] = {
    "record_pair": Source(
        ("left_id", "right_id", "weight", "decision", "evidence", "contradiction",
         "model_version", "scored_at"),
        """
        SELECT least(l.id, r.id) AS left_id, greatest(l.id, r.id) AS right_id, p.weight,
               p.decision, p.evidence, p.contradiction, '{model_version}', '{at}'
        FROM pair p
        JOIN record_id l ON l.number = p.left_number JOIN record_id r ON r.number = p.right_number
        """,
    ),
}  # fmt: skip
"""The table of what is known once pairs are weighed: written while clusters are formed."""

OF_CLIENTS: Mapping[str, Source] = {
    "source_record": Source(
        ("id", "source", "external_id", "kind", "client_id", "placement", "profile", "features",
         "created_at", "changed_at"),
        """
        SELECT i.id, r.source, r.external_id, 'profile', i.client_id, 'matching', r.profile,
               r.features, '{at}', '{at}'
        FROM record r JOIN identity i ON i.number = r.number
        WHERE NOT i.is_reference
        """,
    ),
    "client": Source(
        ("id", "known", "version", "created_at", "changed_at"),
        """
        SELECT DISTINCT client_id, true, 1, '{at}', '{at}' FROM identity
        WHERE client_id NOT IN (SELECT id::UUID FROM reference)
        """,
    ),
}  # fmt: skip
"""The tables that the partition is needed for. Rows are in no order: sorting what is wide takes
more memory than the indexes, which are built afterwards, would save time."""

TABLES = (*OF_RECORDS, *OF_PAIRS, *OF_CLIENTS, "inbox_message", "golden_record")
"""All that a first load fills; the last two are made by stages."""
BARE = frozenset(TABLES) - {"client", "inbox_payload"}
"""Those of them that have no indexes while they are filled."""


def export(
    engine: DuckDBEngine, sources: Mapping[str, Source], *, at: str, model_version: str
) -> Iterator[TableFile]:
    """Write the rows of tables to files, table after table."""
    version = model_version.replace("'", "''")
    for table, source in sources.items():
        path = engine.folder / f"{table}.rows"
        _write_rows(engine, source, source.select.format(at=at, model_version=version), path)
        yield TableFile(table, source.columns, path)


FILE_BYTES = 4_000_000
"""Rows that a stage makes go into files of so much, so that they are copied while it goes on."""


def files_of_lines(
    folder: Path, table: str, columns: tuple[str, ...], made: Iterable[pa.RecordBatch]
) -> Iterator[TableFile]:
    """Write what a stage makes (`load_stages.LINES_SCHEMA`) to files."""
    lines = (one.as_py() for batch in made for one in batch.column("lines"))
    for number in count():
        path = folder / f"{table}-{number}.rows"
        written = 0
        with path.open("wb") as stream:
            while written < FILE_BYTES and (some := next(lines, None)) is not None:
                written += stream.write(some)
        if not written:
            path.unlink()
            return
        yield TableFile(table, columns, path)


def _write_rows(engine: DuckDBEngine, source: Source, query: str, path: Path) -> None:
    """Write the rows of a query in the text format of PostgreSQL's COPY.

    It is a tenth faster to read than CSV, in which each quote of a document is doubled.
    """
    kinds = [str(kind) for _, kind, *_ in engine.rows(f"DESCRIBE {query}")]
    names = source.columns
    values = [
        _ESCAPED.format(name) if kind == "VARCHAR" and name not in source.plain else name
        for name, kind in zip(names, kinds, strict=True)
    ]
    engine.run(
        f"COPY (SELECT {', '.join(values)} FROM ({query}) AS rows ({', '.join(names)})) "
        rf"TO '{path}' "
        r"(FORMAT csv, HEADER false, DELIMITER '\t', QUOTE '', ESCAPE '', NULLSTR '\N')"
    )


# What stands for a row's end, a column's end and itself.
_ESCAPED = (
    r"replace(replace(replace(replace({}, '\', '\\'), chr(9), '\t'), chr(10), '\n'), "
    r"chr(13), '\r')"
)


def placed_messages(engine: DuckDBEngine) -> Iterator[str]:
    """Yield the queries of each message, where its record is, and who is near."""
    for part in parts_of(engine, "record"):
        engine.create(
            "review", _REVIEWS.format(most=MAX_REVIEWS, of_number=part.holds("near.number"))
        )
        yield _PLACED_MESSAGES.format(
            of_record=part.holds("r.number"),
            of_identity=part.holds("i.number"),
            of_placed=part.holds("p.number"),
        )


# The other clients that may be the same person, the likeliest first.
_REVIEWS = """
    WITH near AS (
        SELECT left_number AS number, right_number AS other, weight FROM pair
        UNION ALL
        SELECT right_number, left_number, weight FROM pair
        UNION ALL
        SELECT number, rival.number, rival.weight
        FROM (SELECT number, unnest(rivals) AS rival FROM placed) AS kept_apart
    ), best AS (
        SELECT n.number, o.client_id, max(n.weight) AS weight
        FROM (SELECT * FROM near WHERE {of_number}) AS n
        JOIN identity i ON i.number = n.number JOIN identity o ON o.number = n.other
        WHERE i.client_id <> o.client_id
        GROUP BY n.number, o.client_id
    )
    SELECT number, list(
               struct_pack(client_id := client_id, weight := weight)
               ORDER BY weight DESC, client_id
           )[1:{most}] AS reviews
    FROM best GROUP BY number
"""
_OUTCOME = """
    CASE WHEN m.line <> r.arrival THEN 'updated' WHEN i.id = i.client_id THEN 'created'
         ELSE 'matched' END
"""
OUTCOMES = f"""
    SELECT {_OUTCOME} AS outcome, count(*) FROM message m
    JOIN record r ON r.source = m.source AND r.external_id = m.external_id
    JOIN identity i ON i.number = r.number
    GROUP BY ALL
    UNION ALL
    SELECT 'replayed', count(*) FROM again WHERE is_same HAVING count(*) > 0
"""
"""What became of the messages."""
_PLACED_MESSAGES = f"""
    SELECT m.source, m.message_id, m.external_id, m.digest, i.id AS record_id,
           i.client_id, {_OUTCOME} AS outcome, p.match_weight,
           coalesce(p.match_probability, q.probability) AS match_probability,
           coalesce(p.match_evidence, q.evidence) AS match_evidence,
           o.source AS match_source, o.external_id AS match_external_id, v.reviews
    FROM message m
    JOIN record r ON r.source = m.source AND r.external_id = m.external_id
    JOIN identity i ON i.number = r.number
    JOIN placed p ON p.number = r.number
    LEFT JOIN record o ON o.number = p.match_number
    LEFT JOIN pair q ON q.left_number = least(p.number, p.match_number)
                    AND q.right_number = greatest(p.number, p.match_number)
    LEFT JOIN review v ON v.number = r.number
    WHERE {{of_record}} AND {{of_identity}} AND {{of_placed}}
"""

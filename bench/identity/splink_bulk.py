"""Splink over a whole file, in a process of its own: what the bulk engine is measured beside.

    python -m bench.identity.splink_bulk RECORDS.csv CLUSTERS.csv SPENT.json

CLUSTERS.csv gets source and id of each record and its cluster at each of `THRESHOLDS`.
The file is read and cleaned in SQL, as Splink's documentation advises: plain lower-case letters,
digits of phones and cards, fillers nulled.
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import Final

import duckdb
import orjson

from bench.identity.splink_peer import COLUMNS, THRESHOLD, Cleaned, SplinkPeer

THRESHOLDS: Final = (THRESHOLD, 0.99, 0.999, 0.9999)
"""The one of the tutorials, whose time counts, and others that the truth may choose from."""

_CLEANED: Final = """
    SELECT row_number() OVER () - 1 AS record_id, source, record_id AS external_id,
           {words:given_name} AS given_name, {words:family_name} AS family_name,
           CASE WHEN birth_date NOT LIKE '%-01-01' THEN birth_date END AS birth_date,
           CASE WHEN email NOT SIMILAR TO '(client|caisse|magasin|no-?reply)[0-9]*@.*'
                THEN lower(email) END AS email,
           CASE WHEN phone NOT SIMILAR TO '.*(00000000|12345678).*'
                THEN right({digits:phone}, 9) END AS phone,
           {digits:card_number} AS card, CAST(NULL AS varchar) AS identifier,
           {words:address} AS street, {words:postcode} AS postcode, {words:city} AS city
    FROM read_csv('{path}', header = true, all_varchar = true)
"""


class _Cleaning(str):
    """Writes the SQL that cleans a column: `{words:city}`, `{digits:phone}`."""

    __slots__ = ()

    def __format__(self, column: str) -> str:
        return self.replace("?", column)


_WORDS = _Cleaning(
    "nullif(trim(regexp_replace(lower(strip_accents(?)), '[^a-z0-9]+', ' ', 'g')), '')"
)
_DIGITS = _Cleaning("nullif(regexp_replace(?, '[^0-9]+', '', 'g'), '')")


def main() -> None:
    """Load, train, predict and cluster, and say how long each took."""
    records, clusters, told = map(Path, sys.argv[1:])
    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def done(step: str) -> None:
        seconds[step] = time.perf_counter() - started - sum(seconds.values())

    table = (
        duckdb.sql(_CLEANED.format(path=records, words=_WORDS, digits=_DIGITS)).arrow().read_all()
    )
    keys = list(zip(*(table[name].to_pylist() for name in ("source", "external_id")), strict=True))
    peer = SplinkPeer(Cleaned(table.select(["record_id", *COLUMNS]), keys))
    done("load")
    peer.train()
    done("train")
    predicted = peer.predict()
    done("predict")
    found = [peer.clusters(predicted)]
    done("cluster")
    processor_seconds = time.process_time()
    found += [peer.clusters(predicted, threshold=other) for other in THRESHOLDS[1:]]
    with clusters.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows((*key, *(one[key] for one in found)) for key in keys)
    told.write_bytes(orjson.dumps({"steps": seconds, "processor_seconds": processor_seconds}))


if __name__ == "__main__":
    main()

"""The stages of a first load: from rows of a file to records, golden records and answers.

Each calls the code that a message meets on its way, so that a first load ends where the messages
would have ended.
"""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID

import orjson
import pyarrow as pa

from rcu.bulk.batches import batch_of
from rcu.bulk.candidates import PARTING_FIELDS, parting_values
from rcu.bulk.snapshot import record_key
from rcu.bulk.stages import IDENTIFIER_MARK, evidence_of
from rcu.clients.golden import ProfileRecord, assemble
from rcu.clients.search_terms import search_terms
from rcu.identity.faces import keys_with_faces
from rcu.identity.features import describe
from rcu.identity.outcomes import Placed
from rcu.identity.registers import (
    ProfileStatement,
    Registers,
    merge,
    person_of,
    verified_identifiers,
)
from rcu.identity.scoring import Decision, PairScore
from rcu.ingestion.answers import profile_answer
from rcu.ingestion.files.importer import Understood, understand
from rcu.ingestion.files.mapping import Mapping
from rcu.ingestion.files.plan import Options, make_plan
from rcu.ingestion.files.reading import Row, Sample
from rcu.ingestion.intake import Intake
from rcu.ingestion.messages import ProfileMessage


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


# --- rows to messages ---------------------------------------------------------------------------

ROWS_SCHEMA = pa.schema([("rows", pa.binary())])


def pack_rows(rows: Sequence[Row]) -> pa.RecordBatch:
    """Return rows of a file as a batch for `Understand`."""
    return batch_of(ROWS_SCHEMA, [(pickle.dumps(rows),)])


@dataclass(frozen=True)
class Reading:
    """What the plan of an import is made of; each process makes the plan for itself."""

    sample: Sample
    mapping: Mapping
    options: Options
    sources: frozenset[str]


@dataclass(frozen=True)
class Understand:
    """From rows of a file to profile messages, or the reasons why not."""

    reading: bytes
    """A pickled `Reading`."""
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("line", pa.int64()),
            ("source", pa.string()),
            ("message_id", pa.string()),
            ("external_id", pa.string()),
            ("occurred_at", pa.string()),
            ("digest", pa.string()),
            ("payload", pa.string()),
            ("refused", pa.binary()),
        ]
    )

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield a row for each message and each refused row; rows left out have no source."""
        reading: Reading = _unpickled(self.reading)
        plan = _plan(self.reading)
        for batch in batches:
            rows = [row for packed in batch.column("rows") for row in pickle.loads(packed.as_py())]  # noqa: S301 - packed by our parent
            understood = understand(rows, plan, reading.sources)
            yield batch_of(self.schema, [_understood_row(one) for one in understood])


@lru_cache(maxsize=1)
def _unpickled(reading: bytes) -> Any:
    return pickle.loads(reading)  # noqa: S301 - pickled by our parent


@lru_cache(maxsize=1)
def _plan(reading: bytes) -> Any:
    found: Reading = _unpickled(reading)
    return make_plan(found.sample, found.mapping, found.options, found.sources)


def _understood_row(one: Understood) -> tuple[Any, ...]:
    message = one.message
    if not isinstance(message, ProfileMessage) or one.source is None:
        refused = pickle.dumps((one.row, one.reasons)) if one.reasons else None
        return (one.row.line, *(None,) * 6, refused)
    intake = Intake(one.source, "", message)
    return (
        one.row.line,
        one.source,
        message.message_id,
        message.external_id,
        message.occurred_at.astimezone(UTC).isoformat(),
        intake.digest.hex(),
        _text(intake.payload),
        None,
    )


# --- messages to records ------------------------------------------------------------------------

_STATED = pa.struct([("kind", pa.string()), ("value", pa.string()), ("verified_at", pa.string())])
_NOT_STATED = frozenset({"message_id", "external_id", "occurred_at"})


@dataclass(frozen=True)
class Merge:
    """From all messages on one record to its profile, features, blocking keys and identifiers."""

    region: str
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("number", pa.int64()),
            ("key", pa.string()),
            ("source", pa.string()),
            ("external_id", pa.string()),
            ("arrival", pa.int64()),
            ("profile", pa.string()),
            ("features", pa.string()),
            ("keys", pa.list_(pa.int64())),
            ("faces", pa.list_(pa.string())),
            ("identifiers", pa.list_(pa.string())),
            ("stated", pa.list_(_STATED)),
            *PARTING_FIELDS,
        ]
    )

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield each record."""
        for batch in batches:
            yield batch_of(self.schema, [self._record(row) for row in batch.to_pylist()])

    def _record(self, row: dict[str, Any]) -> tuple[Any, ...]:
        registers = _merged(row["source"], row["external_id"], row["messages"])
        features = describe(person_of(registers), region=self.region)
        verified = verified_identifiers(registers, region=self.region)
        faces = keys_with_faces(features)
        stated = [
            {"kind": kind, "value": value, "verified_at": since and since.isoformat()}
            for kind, value in sorted(features.held)
            for since in (verified.get((kind, value)),)
        ]
        return (
            row["number"],
            record_key(row["source"], row["external_id"]),
            row["source"],
            row["external_id"],
            row["arrival"],
            _text(registers),
            _text(features.to_json()),
            list(faces),
            list(faces.values()),
            [IDENTIFIER_MARK.join(identifier) for identifier in sorted(features.identifiers)],
            stated,
            *parting_values(features),
        )


def _merged(source: str, external_id: str, messages: list[dict[str, str]]) -> Registers:
    registers: Registers = {}
    for message in messages:
        payload = orjson.loads(message["payload"])
        registers = merge(
            registers,
            ProfileStatement(
                source=source,
                external_id=external_id,
                values={name: held for name, held in payload.items() if name not in _NOT_STATED},
                occurred_at=datetime.fromisoformat(message["occurred_at"]),
                message_id=payload["message_id"],
            ),
        )
    return registers


# --- clients ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Assemble:
    """From the profile records of a client to its golden record."""

    region: str
    schema: ClassVar[pa.Schema] = pa.schema(
        [("client_id", pa.string()), ("golden", pa.string()), ("search_terms", pa.string())]
    )

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield each golden record, its search terms as a PostgreSQL array."""
        for batch in batches:
            yield batch_of(self.schema, [self._assembled(row) for row in batch.to_pylist()])

    def _assembled(self, row: dict[str, Any]) -> tuple[str, str, str]:
        profiles = [
            ProfileRecord(one["source"], one["external_id"], orjson.loads(one["profile"]))
            for one in row["profiles"]
        ]
        golden = assemble(profiles, region=self.region)
        return row["client_id"], _text(golden), array_text(search_terms(profiles, golden))


def array_text(texts: Collection[str]) -> str:
    """Return texts as PostgreSQL writes an array of them."""
    if not texts:
        return "{}"
    marked = "\x00".join(texts).replace("\\", r"\\").replace('"', r"\"")
    return '{"' + marked.replace("\x00", '","') + '"}'


# --- answers ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """From a message and where its record was placed to what its sender is told."""

    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("source", pa.string()),
            ("message_id", pa.string()),
            ("record_id", pa.string()),
            ("digest", pa.string()),
            ("outcome", pa.string()),
            ("status", pa.int16()),
            ("answer", pa.string()),
        ]
    )

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield each message with its answer."""
        for batch in batches:
            yield batch_of(self.schema, [_answered(row) for row in batch.to_pylist()])


def _answered(row: dict[str, Any]) -> tuple[Any, ...]:
    placed = _placed(row)
    if not row["is_first"]:
        placed = placed.again()
    status, answer = profile_answer(row["message_id"], row["external_id"], placed)
    said = (row["source"], row["message_id"], row["record_id"], row["digest"])
    return (*said, placed.outcome, status, _text(answer))


def _placed(row: dict[str, Any]) -> Placed:
    match = None
    if row["match_weight"] is not None:
        score = PairScore(
            row["match_weight"],
            row["match_probability"],
            evidence_of(row["match_evidence"]),
            None,
            Decision.LINK,
        )
        match = ((row["match_source"], row["match_external_id"]), score)
    is_founder = row["record_id"] == row["client_id"]
    return Placed(
        record_id=UUID(row["record_id"]),
        client_id=UUID(row["client_id"]),
        outcome="created" if is_founder else "matched",
        merged_client_ids=(),
        match=match,
        reviews=tuple((UUID(one["client_id"]), one["weight"]) for one in row["reviews"] or ()),
    )

"""The stages of a first load: from rows of a file to records, golden records and answers.

Each calls the code that a message meets on its way, so that a first load ends where the messages
would have ended.
"""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, ClassVar, cast

import orjson
import pyarrow as pa

from rcu.bulk.batches import batch_of, batch_of_columns, columns_of, rows_of
from rcu.bulk.candidates import PARTING_FIELDS, parting_values
from rcu.bulk.copying import copy_lines
from rcu.bulk.stages import IDENTIFIER_MARK, evidence_of
from rcu.clients.golden import ProfileRecord, assemble
from rcu.clients.search_terms import search_terms
from rcu.identity.blocking import identifying_keys, loose_keys
from rcu.identity.faces import pack_face
from rcu.identity.features import describe
from rcu.identity.registers import (
    ProfileStatement,
    Registers,
    merge,
    person_of,
    stated_identifiers,
    withdrawn_identifiers,
)
from rcu.ingestion.files.importer import Understood, understand
from rcu.ingestion.files.mapping import Mapping
from rcu.ingestion.files.plan import Options, make_plan
from rcu.ingestion.files.reading import Row, Sample
from rcu.ingestion.files.unread import unread
from rcu.ingestion.intake import Intake, statement_of
from rcu.ingestion.messages import MessageType, ProfileMessage
from rcu.ingestion.profile_answers import matched_record, placed_answer, told_evidence
from rcu.moments import utc_text


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


# --- rows to messages ---------------------------------------------------------------------------

ROWS_SCHEMA = pa.schema([("rows", pa.binary())])


def pack_rows(rows: Sequence[Row]) -> pa.RecordBatch:
    """Return rows of a file as a batch for `Understand`."""
    plain = [(row.line, row.cells, row.fault, row.number) for row in rows]
    return batch_of(ROWS_SCHEMA, [(pickle.dumps(plain),)])


def _unpack_rows(packed: bytes) -> list[Row]:
    return [Row(*plain) for plain in pickle.loads(packed)]  # noqa: S301 - packed by our parent


@dataclass(frozen=True)
class Reading:
    """What the plan of an import is made of; each process makes the plan for itself."""

    sample: Sample
    mapping: Mapping
    options: Options
    sources: frozenset[str]


RECORD_FIELDS = (
    pa.field("profile", pa.string()),
    pa.field("features", pa.string()),
    pa.field("keys", pa.list_(pa.int64())),
    pa.field("faced_keys", pa.int32()),
    pa.field("face", pa.string()),
    pa.field("identifiers", pa.list_(pa.string())),
    pa.field("held", pa.list_(pa.string())),
    pa.field("verified_at", pa.list_(pa.string())),
    pa.field("stated_since", pa.list_(pa.string())),
    pa.field("withdrawn", pa.list_(pa.string())),
    pa.field("withdrawn_verified_at", pa.list_(pa.string())),
    pa.field("withdrawn_stated_since", pa.list_(pa.string())),
    *PARTING_FIELDS,
)
"""What a record is made of. The first `faced_keys` of its blocking keys carry its face;
`verified_at` says of each value by which facts find it (`Features.held`) since when the source has
verified it, if so, and `stated_since` since when it states it, if that is known; `withdrawn_...`
likewise of what it has stated and states no more."""


@dataclass(frozen=True)
class Understand:
    """From rows of a file to profile messages, or the reasons why not.

    Each message comes with the record that it makes when no other message tells of it, as nearly
    all do: what was just read needs not be read again.
    """

    reading: bytes
    """A pickled `Reading`."""
    region: str
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
            ("unread", pa.list_(pa.string())),
            *RECORD_FIELDS,
        ]
    )

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield a row for each message and each refused row; rows left out have no source."""
        reading: Reading = _unpickled(self.reading)
        plan = _plan(self.reading)
        for batch in batches:
            rows = chain.from_iterable(map(_unpack_rows, batch.column("rows").to_pylist()))
            understood = list(understand(rows, plan, reading.sources))
            if others := [_without_message(one) for one in understood if one.message is None]:
                yield batch_of(self.schema, others)
            yield self._messages([one for one in understood if one.message is not None])

    def _messages(self, understood: Sequence[Understood]) -> pa.RecordBatch:
        """Return the messages, made step by step for all: what a step needs stays in the caches."""
        messages = [cast("ProfileMessage", one.message) for one in understood]
        intakes = [
            Intake(one.source or "", "", message)
            for one, message in zip(understood, messages, strict=True)
        ]
        statements = list(map(statement_of, intakes, messages))
        columns: tuple[Sequence[Any], ...] = (
            [one.row.line for one in understood],
            [statement.source for statement in statements],
            [statement.message_id for statement in statements],
            [statement.external_id for statement in statements],
            [utc_text(statement.occurred_at) for statement in statements],
            [intake.digest.hex() for intake in intakes],
            [_text(intake.payload) for intake in intakes],
            [None] * len(intakes),
            [list(unread(message, region=self.region)) for message in messages],
            *record_columns([merge({}, statement) for statement in statements], region=self.region),
        )
        return batch_of_columns(self.schema, columns)


def _without_message(one: Understood) -> tuple[Any, ...]:
    refused = pickle.dumps((one.row, one.reasons)) if one.reasons else None
    return (one.row.line, *(None,) * 6, refused, None, *(None,) * len(RECORD_FIELDS))


def record_columns(registers: Sequence[Registers], *, region: str) -> tuple[Sequence[Any], ...]:
    """Return the columns of `RECORD_FIELDS` of records."""
    described = [describe(person_of(one), region=region) for one in registers]
    identifying = [identifying_keys(features) for features in described]
    faced = [  # as `faces.keys_with_faces`
        loose_keys(features) - keys for features, keys in zip(described, identifying, strict=True)
    ]
    held = [sorted(features.held) for features in described]
    stated = [
        stated_identifiers(one, known, region=region)
        for one, known in zip(registers, held, strict=True)
    ]
    withdrawn = [
        withdrawn_identifiers(one, features.held, region=region)
        for one, features in zip(registers, described, strict=True)
    ]
    return (
        [_text(one) for one in registers],
        [_text(features.to_json()) for features in described],
        [[*ours, *keys] for ours, keys in zip(faced, identifying, strict=True)],
        [len(ours) for ours in faced],
        [pack_face(features) for features in described],
        [
            [IDENTIFIER_MARK.join(identifier) for identifier in features.identifiers]
            for features in described
        ],
        [[IDENTIFIER_MARK.join(identifier) for identifier in one] for one in held],
        [[_time_text(standing.verified_at) for standing in one.values()] for one in stated],
        [[_time_text(standing.since) for standing in one.values()] for one in stated],
        [[IDENTIFIER_MARK.join(identifier) for identifier in one] for one in withdrawn],
        [[_time_text(standing.verified_at) for standing in one.values()] for one in withdrawn],
        [[_time_text(standing.since) for standing in one.values()] for one in withdrawn],
        *columns_of(map(parting_values, described), len(PARTING_FIELDS)),
    )


def _time_text(moment: datetime | None) -> str | None:
    return utc_text(moment) if moment else None


@lru_cache(maxsize=1)
def _unpickled(reading: bytes) -> Any:
    return pickle.loads(reading)  # noqa: S301 - pickled by our parent


@lru_cache(maxsize=1)
def _plan(reading: bytes) -> Any:
    found: Reading = _unpickled(reading)
    return make_plan(found.sample, found.mapping, found.options, found.sources)


# --- messages to records ------------------------------------------------------------------------

_NOT_STATED = frozenset({"message_id", "external_id", "occurred_at"})


@dataclass(frozen=True)
class Merge:
    """From all messages on one record, where there are several, to the record."""

    region: str
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("number", pa.int64()),
            ("key", pa.string()),
            ("source", pa.string()),
            ("external_id", pa.string()),
            ("arrival", pa.int64()),
            *RECORD_FIELDS,
        ]
    )

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield each record."""
        given: list[str] = self.schema.names[: -len(RECORD_FIELDS)]
        for batch in batches:
            rows = batch.to_pylist()
            registers = [
                _merged(row["source"], row["external_id"], row["messages"]) for row in rows
            ]
            columns = ([row[name] for row in rows] for name in given)
            yield batch_of_columns(
                self.schema, (*columns, *record_columns(registers, region=self.region))
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


# --- rows of PostgreSQL -------------------------------------------------------------------------

LINES_SCHEMA = pa.schema([("lines", pa.binary())])
"""Rows of a table in the text format of COPY: a stage that makes them last has them written."""
GOLDEN_COLUMNS = ("client_id", "golden", "search_terms", "rebuilt_at")
INBOX_COLUMNS = (
    "source", "message_id", "type", "digest", "received_at", "status", "answer", "record_id",
)  # fmt: skip


def _lines_of(rows: Iterable[Sequence[str]]) -> pa.RecordBatch:
    return batch_of(LINES_SCHEMA, [(copy_lines(rows),)])


# --- clients ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Assemble:
    """From the profile records of a client, which stand together, to its golden record."""

    region: str
    at: str
    """The time of the load."""
    schema: ClassVar[pa.Schema] = LINES_SCHEMA

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of `GOLDEN_COLUMNS`."""
        for batch in batches:
            rows = rows_of(batch, "client_id", "source", "external_id", "profile")
            clients = groupby(rows, key=itemgetter(0))
            yield _lines_of([self._assembled(client_id, said) for client_id, said in clients])

    def _assembled(self, client_id: str, said: Iterable[tuple[Any, ...]]) -> tuple[str, ...]:
        profiles = [
            ProfileRecord(source, external_id, orjson.loads(profile))
            for _, source, external_id, profile in said
        ]
        golden = assemble(profiles, region=self.region)
        return client_id, _text(golden), array_text(search_terms(profiles, golden)), self.at


def array_text(texts: Collection[str]) -> str:
    """Return texts as PostgreSQL writes an array of them."""
    if not texts:
        return "{}"
    marked = "\x00".join(texts).replace("\\", r"\\").replace('"', r"\"")
    return '{"' + marked.replace("\x00", '","') + '"}'


# --- answers ------------------------------------------------------------------------------------

_EVIDENCE_REMEMBERED = 4096


@lru_cache(maxsize=_EVIDENCE_REMEMBERED)
def _told(evidence: str) -> orjson.Fragment:
    """Return what answers say of evidence as it is stored with a pair: one of few, mostly."""
    return orjson.Fragment(orjson.dumps(told_evidence(evidence_of(evidence))))


@dataclass(frozen=True)
class Answer:
    """From a message and where its record was placed to what its sender is told."""

    at: str
    """The time of the load."""
    schema: ClassVar[pa.Schema] = LINES_SCHEMA

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of `INBOX_COLUMNS`."""
        for batch in batches:
            yield _lines_of([self._answered(row) for row in batch.to_pylist()])

    def _answered(self, row: dict[str, Any]) -> tuple[str, ...]:
        match = None
        if row["match_weight"] is not None:
            match = matched_record(
                (row["match_source"], row["match_external_id"]),
                row["match_weight"],
                row["match_probability"],
                _told(row["match_evidence"]),
            )
        status, answer = placed_answer(
            row["message_id"],
            row["external_id"],
            outcome=row["outcome"],
            client_id=row["client_id"],
            merged_client_ids=[],
            match=match,
            reviews=[(one["client_id"], one["weight"]) for one in row["reviews"] or ()],
        )
        digest = "\\x" + row["digest"]
        said = (row["source"], row["message_id"], MessageType.PROFILE, digest, self.at)
        return *said, str(status), _text(answer), row["record_id"]

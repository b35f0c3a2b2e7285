"""The records to train on: those of the database, or those of files that nobody has imported."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access.models import SourceKind
from rcu.db.engine import Database
from rcu.identity.features import Features, describe
from rcu.identity.partition import Judgements
from rcu.identity.registers import ProfileStatement, Registers, merge, person_of
from rcu.identity.repository import RecordKey
from rcu.ingestion.files.errors import FileRefusedError
from rcu.ingestion.files.findings import first_findings
from rcu.ingestion.files.formats import detect
from rcu.ingestion.files.importer import understand
from rcu.ingestion.files.mapping import Mapping as FileMapping
from rcu.ingestion.files.plan import Options, make_plan
from rcu.ingestion.files.reading import Sample, read_rows, read_sample
from rcu.ingestion.files.targets import find_source_column
from rcu.ingestion.intake import Intake, statement_of
from rcu.ingestion.messages import MessageType, ProfileMessage
from rcu.training.training_set import TrainingSet

MAX_RECORDS = 100_000
"""Records of the database that a training looks at; of more, whole clients are drawn."""

_BUCKETS = 1 << 20
_FETCHED_ROWS = 10_000
_NO_SOURCE = "file"


# --- the database -------------------------------------------------------------------------------

_COUNT = text("SELECT count(*) FROM source_record WHERE kind = 'profile'")
_RECORDS = text(
    """
    SELECT id, source, external_id, features FROM source_record
    WHERE kind = 'profile' AND (hashtextextended(client_id::text, 0) & :mask) < :bucket
    """
)
_JUDGEMENTS = text("SELECT left_id, right_id, verdict FROM judgement WHERE revoked_at IS NULL")


async def read_database(
    database: Database, *, max_records: int = MAX_RECORDS
) -> TrainingSet[RecordKey]:
    """Return the profiles of the database, as of one instant, and the judgements that bind.

    By source and external id: ids of the database tell when a record came, and what is learned must
    not depend on that, nor on whether the records were imported at all.

    Of a base with more than about `max_records`, a sample of clients is drawn, each with all
    its records: the same sample every time.
    """
    records: dict[RecordKey, Features] = {}
    key_of: dict[UUID, RecordKey] = {}
    async with database.transaction() as session:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        base = (await session.execute(_COUNT)).scalar_one()
        async for record_id, key, features in _records(session, base, max_records):
            key_of[record_id] = key
            records[key] = Features.from_json(features)
        judgements = await _judgements(session, key_of)
    return TrainingSet(records, judgements, base_records=base)


async def _records(
    session: AsyncSession, base: int, max_records: int
) -> AsyncIterator[tuple[UUID, RecordKey, dict[str, Any]]]:
    bucket = _BUCKETS if base <= max_records else max(1, _BUCKETS * max_records // base)
    rows = await session.stream(
        _RECORDS.bindparams(bindparam("mask", _BUCKETS - 1), bindparam("bucket", bucket)),
        execution_options={"yield_per": _FETCHED_ROWS},
    )
    async for record_id, source, external_id, features in rows:
        yield record_id, (source, external_id), features


async def _judgements(
    session: AsyncSession, key_of: Mapping[UUID, RecordKey]
) -> Judgements[RecordKey]:
    """Return the judgements of records that are trained on."""
    pairs: dict[str, set[frozenset[RecordKey]]] = {"match": set(), "no_match": set()}
    for left, right, verdict in await session.execute(_JUDGEMENTS):
        # Who was unsure teaches nothing.
        if verdict in pairs and left in key_of and right in key_of:
            pairs[verdict].add(frozenset({key_of[left], key_of[right]}))
    return Judgements(frozenset(pairs["match"]), frozenset(pairs["no_match"]))


# --- files --------------------------------------------------------------------------------------


class _AnySource(frozenset[str]):
    """The sources of a file that is read without a database: whatever the file says."""

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str)


def read_files(
    paths: Iterable[Path],
    mapping: FileMapping,
    options: Options,
    *,
    region: str,
    on_note: Callable[[str], None] = lambda _: None,
) -> TrainingSet[RecordKey]:
    """Return the profiles of files, as an import would understand them; nothing is imported.

    Rows of one source and external id are one record, the newest value of each attribute
    winning. `on_note` hears what an import would tell of each file before it began. Raises
    `FileRefusedError` or `MappingRefusedError` when a file cannot be understood.
    """
    registers: dict[RecordKey, Registers] = {}
    left_out = 0
    for path in paths:
        for statement in _statements(path, mapping, options, region, on_note):
            if statement is None:
                left_out += 1
                continue
            key = (statement.source, statement.external_id)
            registers[key] = merge(registers.get(key, {}), statement)
    records = {key: describe(person_of(held), region=region) for key, held in registers.items()}
    return TrainingSet(records, left_out=left_out)


def _statements(
    path: Path,
    mapping: FileMapping,
    options: Options,
    region: str,
    on_note: Callable[[str], None],
) -> Iterator[ProfileStatement | None]:
    """Yield what each row states, None for a row that makes no profile."""
    file_format = detect(
        path, encoding=mapping.encoding, delimiter=mapping.delimiter, header=mapping.header
    )
    sample = read_sample(path, file_format)
    sources: Collection[str] = _AnySource()
    plan = make_plan(sample, mapping, _with_source(options, mapping, sample), sources)
    if plan.type is not MessageType.PROFILE:
        raise FileRefusedError(f"{path.name} holds {plan.type}s: a model is trained on profiles.")
    for told in (*plan.notes, *first_findings(sample, plan, sources, region=region)):
        on_note(told)
    for one in understand(read_rows(path, file_format), plan, sources):
        if isinstance(one.message, ProfileMessage) and one.source is not None:
            yield statement_of(Intake(one.source, SourceKind.OTHER, one.message), one.message)
        else:
            yield None


def _with_source(options: Options, mapping: FileMapping, sample: Sample) -> Options:
    """Return the options with a source, where neither they nor the file name one."""
    named = find_source_column(sample.columns) is not None
    if options.source is not None or mapping.source is not None or named:
        return options
    return Options(
        file_time=options.file_time,
        type=options.type,
        source=_NO_SOURCE,
        date_order=options.date_order,
    )

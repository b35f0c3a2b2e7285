"""Rows are sent in order and counted by what became of them; refused ones come back."""

from __future__ import annotations

import csv
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rcu.ingestion.files.formats import detect
from rcu.ingestion.files.importer import CHUNK_ROWS, ImportSummary, import_rows, understand
from rcu.ingestion.files.mapping import Mapping
from rcu.ingestion.files.plan import Options, make_plan
from rcu.ingestion.files.reading import read_rows, read_sample
from rcu.ingestion.files.rejects import RejectsFile
from rcu.ingestion.messages import Message, ProfileMessage

SOURCES = frozenset({"pos", "eshop"})


@dataclass(frozen=True)
class FakeReceipt:
    answer: dict[str, Any] | None
    problem: dict[str, Any] | None = None
    status: int = 200
    replayed: bool = False


@dataclass
class FakeInbox:
    """Stands for the service: it remembers message ids, and answers by the family name."""

    calls: list[tuple[str, list[str]]] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)

    async def receive(self, source: str, messages: Sequence[Message]) -> list[FakeReceipt]:
        profiles = [one for one in messages if isinstance(one, ProfileMessage)]
        self.calls.append((source, [one.external_id for one in profiles]))
        return [self._receipt(source, one) for one in profiles]

    def _receipt(self, source: str, profile: ProfileMessage) -> FakeReceipt:
        if profile.family_name == "Conflict":
            problem = {"detail": "The message id was used before.", "status": 409}
            return FakeReceipt(None, problem, status=409)
        if profile.family_name == "Parked":
            return FakeReceipt({"outcome": "parked", "reason": "unknown_store"}, status=202)
        replayed = (source, profile.message_id) in self.seen
        self.seen.add((source, profile.message_id))
        return FakeReceipt({"outcome": "created"}, replayed=replayed)


async def run(path: Path, inbox: FakeInbox, *, source: str | None = None) -> ImportSummary:
    file_format = detect(path)
    sample = read_sample(path, file_format)
    options = Options(file_time=datetime(2025, 1, 1, tzinfo=UTC), source=source)
    plan = make_plan(sample, Mapping(), options, SOURCES)
    rejected = path.with_name("rejected.csv")
    with RejectsFile(rejected, sample.columns, delimiter=file_format.delimiter) as rejects:
        rows = understand(read_rows(path, file_format), plan, SOURCES)
        return await import_rows(rows, receive=inbox.receive, rejects=rejects, region="FR")


def put(folder: Path, *lines: str) -> Path:
    path = folder / "data.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rejected(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.with_name("rejected.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


async def test_each_row_is_counted_by_what_became_of_it(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "source,record_id,nom,created_at",
        "pos,1,Martin,2025-01-01",
        "eshop,2,Parked,2025-01-01",
        "eshop,3,Conflict,2025-01-01",
        "pos,4,Petit,never",
        "mars,5,Petit,2025-01-01",
        "pos,6",
    )

    summary = await run(path, FakeInbox())

    assert (summary.rows, summary.accepted, summary.rejected) == (6, 2, 4)
    assert summary.outcomes == {"created": 1}
    assert summary.parked == {"unknown_store": 1}
    assert (summary.refused, summary.conflicts) == (3, 1)


async def test_values_that_nobody_can_compare_are_counted(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "source,record_id,nom,created_at,dob,phone",
        "pos,1,Martin,2025-01-01,someday,0639980001",
        "pos,2,Martin,2025-01-01,03/04/1980,12",
        "pos,3,Martin,2025-01-01,someday,",
    )

    summary = await run(path, FakeInbox())

    assert summary.accepted == 3
    assert summary.unread == {"birth_date": 2, "phones": 1}


async def test_refused_rows_come_back_as_they_were_with_line_and_reason(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "source;record_id;nom;created_at",
        "pos;1;Martin;2025-01-01",
        'pos;2;" Petit;x ";never',
    )

    await run(path, FakeInbox())
    (row,) = rejected(path, ";")

    assert row["rejected_line"] == "3"
    assert row["rejected_reason"].startswith("occurred_at (column created_at): No date")
    assert (row["record_id"], row["nom"], row["created_at"]) == ("2", " Petit;x ", "never")
    assert stat.S_IMODE(path.with_name("rejected.csv").stat().st_mode) == 0o600


async def test_a_mended_file_of_refused_rows_can_be_imported(tmp_path: Path) -> None:
    path = put(tmp_path, "source,record_id,nom,created_at", "pos,1,Martin,never")
    await run(path, FakeInbox())
    text = path.with_name("rejected.csv").read_text(encoding="utf-8")
    (tmp_path / "again").mkdir()
    mended = put(tmp_path / "again", *text.replace(",never", ",2025-01-01").splitlines())

    summary = await run(mended, FakeInbox())

    assert (summary.outcomes, summary.rejected) == ({"created": 1}, 0)


async def test_refused_rows_of_json_lines_keep_their_lists(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        '{"source": "pos", "external_id": "1", "occurred_at": "never", "emails": ["a@b.example"]}',
        '{"oops"',
    )

    await run(path, FakeInbox())
    first, second = rejected(path)

    assert first["emails"] == '["a@b.example"]'
    assert (second["rejected_line"], second["rejected_rest"]) == ("2", '{"oops"')


async def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    path = put(tmp_path, "source,record_id,email", "pos,1,a@example.org", "pos,2,b@example.org")
    inbox = FakeInbox()

    first, second = await run(path, inbox), await run(path, inbox)

    assert first.outcomes == {"created": 2}
    assert second.outcomes == {"replayed": 2}


async def test_a_clean_import_removes_the_refused_rows_of_an_earlier_one(tmp_path: Path) -> None:
    path = put(tmp_path, "source,record_id,email,created_at", "pos,1,a@example.org,never")
    await run(path, FakeInbox())
    put(tmp_path, "source,record_id,email,created_at", "pos,1,a@example.org,2025-01-01")

    await run(path, FakeInbox())

    assert not path.with_name("rejected.csv").exists()


async def test_a_source_that_is_asked_for_picks_its_rows(tmp_path: Path) -> None:
    path = put(tmp_path, "source,record_id,email", "pos,1,a@example.org", "eshop,2,b@example.org")
    inbox = FakeInbox()

    summary = await run(path, inbox, source="eshop")

    assert inbox.calls == [("eshop", ["2"])]
    assert (summary.accepted, summary.left_out, summary.rejected) == (1, 1, 0)


async def test_the_order_of_the_file_is_kept_within_a_source(tmp_path: Path) -> None:
    lines = [f"{'pos' if n % 3 else 'eshop'},{n},Martin" for n in range(CHUNK_ROWS + 500)]
    inbox = FakeInbox()

    await run(put(tmp_path, "source,record_id,nom", *lines), inbox)

    for source in SOURCES:
        sent = [int(one) for who, ids in inbox.calls if who == source for one in ids]
        assert sent == sorted(sent)
    assert sum(len(ids) for _, ids in inbox.calls) == CHUNK_ROWS + 500

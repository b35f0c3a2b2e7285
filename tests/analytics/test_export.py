"""Exports: what the views hold, of one instant, and only the months that differ."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rcu.analytics import export_parquet
from rcu.analytics.export import Exported, Wanted, export
from rcu.analytics.export_errors import (
    ExportFolderError,
    ManifestError,
    PersonalTableError,
    UnknownTableError,
)
from rcu.analytics.export_folder import hold
from rcu.analytics.export_parquet import PartWriter
from rcu.db.engine import Database
from rcu.db.errors import DatabaseUnavailableError
from tests.analytics.exports import assert_intact, files_in, quiet, rows_of, view_rows
from tests.analytics.histories import History
from tests.ingestion.shop import Shop, profile, sale


async def run(shop: Shop, folder: Path, **wanted: object) -> Exported:
    return await export(shop.database, folder, Wanted(**wanted), quiet)  # type: ignore[arg-type]


def changed_months(done: Exported, before: Exported) -> set[tuple[str, str]]:
    """Return the table and month of each part whose files are others than before."""
    return {
        (name, part)
        for name, table in done.manifest.tables.items()
        for part, said in table.parts.items()
        if name not in before.manifest.tables
        or part not in before.manifest.tables[name].parts
        or before.manifest.tables[name].parts[part].files != said.files
    }


async def test_what_is_attached_late_rewrites_the_months_of_those_tickets(
    shop: Shop, tmp_path: Path
) -> None:
    days = ("2025-01-10", "2025-02-10", "2025-03-10")
    for number, day in enumerate(days):
        token = "par_tok_1" if day != "2025-02-10" else "par_tok_2"
        await shop.ticket(sale(number, token=token, sold_at=f"{day}T10:00:00Z"))
    first = await run(shop, tmp_path)

    await shop.profile("pos", "P1", given_name="Odile", cards=["ABC-1234"])
    late = sale(token="par_tok_1", customer={"card": "ABC-1234"}, sold_at="2025-03-11T10:00:00Z")
    await shop.ticket(late)
    second = await run(shop, tmp_path)

    changed = changed_months(second, first)
    assert {month for table, month in changed if table == "attachments"} == {"2025-01", "2025-03"}
    assert {month for table, month in changed if table == "tickets"} == {"2025-03"}
    assert {month for table, month in changed if table == "ticket_lines"} == set()
    assert rows_of(tmp_path, "attachments") == await view_rows(shop, "attachments")
    assert_intact(tmp_path)


@pytest.mark.parametrize("seed", [4])
async def test_exports_one_after_another_end_where_one_from_scratch_does(
    shop: Shop, tmp_path: Path, seed: int
) -> None:
    history = History(shop, seed, hours=24 * 80)
    await history.go(30)
    for _ in range(3):
        await run(shop, tmp_path / "again")
        await history.go(15)

    again = await run(shop, tmp_path / "again")
    scratch = await run(shop, tmp_path / "scratch")

    assert_intact(tmp_path / "again")
    for table in scratch.manifest.tables:
        assert rows_of(tmp_path / "again", table) == rows_of(tmp_path / "scratch", table), table
    assert files_in(tmp_path / "again") == {
        "manifest.json",
        *(file.path for file in again.manifest.all_files()),
    }


async def test_what_is_committed_meanwhile_belongs_to_the_next_export(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.ticket(sale(token="par_tok_1"))
    seen: list[str] = []

    def interfere(what: str, _done: int, _rows: int) -> None:
        if what not in seen:
            seen.append(what)
            # After each step another sale is committed, by somebody else.
            thread = threading.Thread(target=asyncio.run, args=[sell(len(seen))])
            thread.start()
            thread.join()

    async def sell(number: int) -> None:
        other = Database(shop.database.engine.url, pool_size=1)
        async with other.transaction() as session:
            connection = await session.connection()
            await connection.exec_driver_sql(f"""
                INSERT INTO ticket SELECT (copied.row).* FROM (
                    SELECT jsonb_populate_record(t, jsonb_build_object(
                        'id', gen_random_uuid(), 'ticket_id', 'X{number}', 'number', {number + 900}
                    )) AS row FROM ticket t ORDER BY received_at LIMIT 1
                ) copied
            """)
        await other.close()

    done = await export(shop.database, tmp_path, Wanted(), interfere)

    rows = {name: sum(p.rows for p in t.parts.values()) for name, t in done.manifest.tables.items()}
    assert len(seen) > 15
    assert (rows["tickets"], rows["attachments"], rows["ticket_payments"]) == (1, 1, 1)
    assert (await run(shop, tmp_path)).manifest.tables["tickets"].parts["2025-03"].rows > 15
    # Put in behind the service's back, they have no totals.
    await shop.run_sql("DELETE FROM ticket WHERE ticket_id LIKE 'X%'")


async def test_a_connection_that_is_lost_leaves_the_earlier_export(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.ticket(sale())
    first = await run(shop, tmp_path)
    await shop.ticket(sale())

    def cut(what: str, _done: int, _rows: int) -> None:
        if what.startswith("Writing"):
            thread = threading.Thread(target=asyncio.run, args=[terminate()])
            thread.start()
            thread.join()

    async def terminate() -> None:
        other = Database(shop.database.engine.url, pool_size=1)
        async with other.read() as connection:
            await connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND state = 'idle in transaction'"
            )
        await other.close()

    with pytest.raises(DatabaseUnavailableError):
        await export(shop.database, tmp_path, Wanted(), cut)

    assert assert_intact(tmp_path) == first.manifest
    assert len(files_in(tmp_path)) == len(first.manifest.all_files()) + 1


async def test_a_disk_that_is_full_is_said_and_leaves_the_earlier_export(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.ticket(sale())
    first = await run(shop, tmp_path)
    await shop.ticket(sale())

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(PartWriter, "write", full)
    with pytest.raises(ExportFolderError, match="No space left"):
        await run(shop, tmp_path)

    assert assert_intact(tmp_path) == first.manifest
    assert len(files_in(tmp_path)) == len(first.manifest.all_files()) + 1


async def test_some_tables_are_exported_and_the_others_stay(shop: Shop, tmp_path: Path) -> None:
    await shop.ticket(sale())
    first = await run(shop, tmp_path)
    await shop.ticket(sale())

    second = await run(shop, tmp_path, tables=["tickets"])
    whole = await run(shop, tmp_path)

    assert changed_months(second, first) == {("tickets", "2025-03")}
    assert second.manifest.tables["attachments"] == first.manifest.tables["attachments"]
    assert (second.manifest.is_one_instant, whole.manifest.is_one_instant) == (False, True)


async def test_months_before_a_day_stay_as_they_are(shop: Shop, tmp_path: Path) -> None:
    for number, month in enumerate(("01", "02")):
        await shop.ticket(sale(number, sold_at=f"2025-{month}-10T10:00:00Z"))
    first = await run(shop, tmp_path)
    for number, month in enumerate(("01", "02")):
        await shop.ticket(sale(number + 10, sold_at=f"2025-{month}-10T10:00:00Z"))

    second = await run(shop, tmp_path, tables=["tickets"], since=date(2025, 2, 1))

    parts = second.manifest.tables["tickets"].parts
    assert {month: part.rows for month, part in parts.items()} == {"2025-01": 1, "2025-02": 2}
    assert parts["2025-01"] == first.manifest.tables["tickets"].parts["2025-01"]
    assert_intact(tmp_path)


async def test_everything_is_written_anew_when_asked_for_or_when_it_is_gone(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.ticket(sale())
    first = await run(shop, tmp_path)
    lost = first.manifest.tables["tickets"].files[0]
    (tmp_path / lost).unlink()

    mended = await run(shop, tmp_path)
    full = await run(shop, tmp_path, full=True)

    assert changed_months(mended, first) == {("tickets", "2025-03")}
    assert full.written_files == len(full.manifest.all_files())
    assert_intact(tmp_path)


async def test_personal_data_is_exported_only_when_that_is_meant(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.accept("pos", "profile", profile("P1", given_name="Odile", birth_date="1971-05-04"))

    with pytest.raises(PersonalTableError):
        await run(shop, tmp_path, tables=["client_contacts"])
    without = await run(shop, tmp_path)
    meant = await run(shop, tmp_path, personal=True)
    taken_back = await run(shop, tmp_path)

    assert "client_contacts" not in without.manifest.tables
    assert meant.manifest.tables["client_contacts"].parts["whole"].rows == 1
    assert "client_contacts" not in taken_back.manifest.tables
    assert not (tmp_path / "client_contacts").exists()


async def test_a_table_without_rows_can_be_read(shop: Shop, tmp_path: Path) -> None:
    done = await run(shop, tmp_path)

    for name, table in done.manifest.tables.items():
        [path, *_] = table.files
        names = pq.ParquetFile(tmp_path / path).schema_arrow.names
        assert names == [column.name for column in table.columns], name


def test_however_many_the_months_few_files_are_open_and_no_row_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_parquet, "MOST_OPEN_FILES", 2)
    monkeypatch.setattr(export_parquet, "ROW_GROUP_BYTES", 20)
    monkeypatch.setattr(export_parquet, "MOST_WAITING_BYTES", 60)
    writer = PartWriter(
        pa.schema([("number", pa.int64())]), lambda part, n: tmp_path / f"{part}.{n}.parquet"
    )
    months = [f"2025-{month:02}" for month in range(1, 7)]
    writer.begin("2025-12")

    for first in range(0, 60, 5):
        numbers = list(range(first, first + 5))
        named = [months[number * 7 % 6] for number in numbers]
        writer.write(pa.record_batch({"number": numbers, export_parquet.PART: named}))
        assert sum(path.stat().st_size < 50 for path in tmp_path.iterdir()) <= 2
    written = writer.finish()

    found = {
        month: sorted(n for file in files for n in pq.read_table(file.path)["number"].to_pylist())
        for month, files in written.items()
    }
    assert found.pop("2025-12") == []
    assert found == {months[n * 7 % 6]: list(range(n, 60, 6)) for n in range(6)}
    assert max(len(files) for files in written.values()) > 1


async def test_texts_come_back_as_they_were(shop: Shop, tmp_path: Path) -> None:
    labels = ['say "hello"', "", "two\nlines, and\r\nmore", "\\N", "NULL", "été 🌻", "\t"]
    lines = [{"sku": f"{n}", "label": label, "amount_cents": n} for n, label in enumerate(labels)]
    await shop.ticket(sale(lines=[*lines, {"sku": "none", "amount_cents": 1}]))

    await run(shop, tmp_path)

    found = {row[3]: row[4] for row in rows_of(tmp_path, "ticket_lines")}
    stored = {row[3]: row[4] for row in await view_rows(shop, "ticket_lines")}
    assert found == stored
    assert found["none"] is None
    assert found["0"] == 'say "hello"'


async def test_files_are_read_by_nobody_else_and_say_what_their_columns_mean(
    shop: Shop, tmp_path: Path
) -> None:
    done = await run(shop, tmp_path / "out")

    for path in (tmp_path / "out").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    schema = pq.ParquetFile(
        tmp_path / "out" / done.manifest.tables["attachments"].files[0]
    ).schema_arrow
    assert schema.field("client_id").metadata[b"comment"].startswith(b"The known client")


async def test_a_folder_that_holds_something_else_is_refused(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("of three years")

    with pytest.raises(ExportFolderError, match="holds other files"):
        await run(shop, tmp_path)
    with pytest.raises(ExportFolderError, match="cannot be written"):
        await run(shop, tmp_path / "thesis.txt")

    assert files_in(tmp_path) == {"thesis.txt"}


async def test_two_exports_do_not_write_to_one_folder(shop: Shop, tmp_path: Path) -> None:
    with hold(tmp_path), pytest.raises(ExportFolderError, match="Another export"):
        await run(shop, tmp_path)


async def test_a_manifest_of_another_release_is_left_alone(shop: Shop, tmp_path: Path) -> None:
    await run(shop, tmp_path)
    theirs = (tmp_path / "manifest.json").read_text().replace('"rcu-export"', '"other"')
    (tmp_path / "manifest.json").write_text(theirs)
    files = files_in(tmp_path)

    with pytest.raises(ManifestError):
        await run(shop, tmp_path)

    assert files_in(tmp_path) == files


async def test_a_table_that_is_not_there_is_refused_with_those_that_are(
    shop: Shop, tmp_path: Path
) -> None:
    with pytest.raises(UnknownTableError, match="No table tickts"):
        await run(shop, tmp_path, tables=["tickts"])

"""The embedded PostgreSQL: made, shared, stopped, and healed after a `kill -9` of anybody."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from rcu.db.cluster import SOCKET_NAME
from rcu.db.embedded import EmbeddedServer
from rcu.db.engine import Database
from rcu.db.errors import EmbeddedServerError
from tests.db.holders import (
    NOBODY,
    Holder,
    as_normal_user,
    eventually,
    guardian_id,
    holding,
    kill_9,
    lives,
)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Give a folder without a server, and leave none behind."""
    folder = tmp_path / "var"
    yield folder
    if (folder / "run").exists():
        EmbeddedServer(folder).stop()


async def ask(server: EmbeddedServer, statement: str) -> object:
    """Return the one value that a statement gives."""
    database = Database(server.url())
    async with database.transaction() as session:
        row = (await session.execute(text(statement))).one()
    await database.close()
    value: object = row[0]
    return value


def test_processes_share_one_server_and_the_last_stops_it(data_dir: Path) -> None:
    with holding(data_dir) as first, holding(data_dir) as second:
        process_id = first.wait_until_held()
        assert second.wait_until_held() == process_id

        first.let_go()
        assert lives(process_id)

        second.let_go()
        assert not lives(process_id)


def test_many_first_starts_at_once_make_one_server(data_dir: Path) -> None:
    holders = [Holder(data_dir) for _ in range(4)]

    assert len({holder.wait_until_held() for holder in holders}) == 1

    for holder in holders:
        holder.let_go()


def test_the_server_stops_when_its_last_user_is_killed(data_dir: Path) -> None:
    with holding(data_dir) as holder:
        process_id = holder.wait_until_held()

        holder.kill()

        assert eventually(lambda: not lives(process_id))


def test_a_killed_user_does_not_take_the_server_from_others(data_dir: Path) -> None:
    with holding(data_dir) as killed, EmbeddedServer(data_dir) as server:
        process_id = killed.wait_until_held()

        killed.kill()

        assert not eventually(lambda: not lives(process_id), within_seconds=1)
        assert server.is_accepting()


async def test_a_killed_server_comes_back_with_what_was_committed(data_dir: Path) -> None:
    with EmbeddedServer(data_dir) as server:
        await ask(server, "SELECT lo_from_bytea(4711, 'kept')")
        first = server.server_process_id
        assert first is not None

        kill_9(first)

        assert eventually(lambda: server.is_accepting() and server.server_process_id != first)
        assert await ask(server, "SELECT lo_get(4711)") == b"kept"


def test_everything_killed_at_once_heals_at_the_next_start(data_dir: Path) -> None:
    with holding(data_dir) as holder:
        process_id = holder.wait_until_held()
        kill_9(guardian_id(data_dir))
        kill_9(process_id)
        holder.kill()

    with EmbeddedServer(data_dir) as server:
        assert server.is_accepting()
        assert server.server_process_id != process_id


def test_a_stale_process_id_that_another_process_has_now_is_no_server(data_dir: Path) -> None:
    with EmbeddedServer(data_dir) as server:
        guardian, process_id = guardian_id(data_dir), server.server_process_id
        assert process_id is not None
        kill_9(guardian)
        kill_9(process_id)
        assert eventually(lambda: not lives(process_id))
    pid_file = data_dir / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    with EmbeddedServer(data_dir) as server:
        assert server.is_accepting()


def test_a_killed_guardian_is_replaced_and_the_server_goes_on(data_dir: Path) -> None:
    with EmbeddedServer(data_dir) as first:
        process_id = first.server_process_id
        assert process_id is not None
        killed = guardian_id(data_dir)
        kill_9(killed)
        assert eventually(lambda: not lives(killed))

        with EmbeddedServer(data_dir) as second:
            assert second.server_process_id == process_id
            assert guardian_id(data_dir) != killed

        assert lives(process_id)
    assert not lives(process_id)


def test_a_cluster_half_made_is_made_again(data_dir: Path) -> None:
    draft = data_dir / "postgres.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")

    with EmbeddedServer(data_dir) as server:
        assert server.is_accepting()


def test_a_data_folder_deeper_than_a_socket_path_works(tmp_path: Path) -> None:
    data_dir = tmp_path / ("deep" * 20) / ("deeper" * 10)

    with EmbeddedServer(data_dir) as server:
        socket_folder = Path(str(server.url().query["host"]))

        assert server.is_accepting()
        assert len(os.fsencode(socket_folder / SOCKET_NAME)) <= 100
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700


def test_only_its_owner_enters_the_folders(data_dir: Path) -> None:
    with EmbeddedServer(data_dir):
        for folder in ("postgres", "run", "socket"):
            assert stat.S_IMODE((data_dir / folder).stat().st_mode) == 0o700
        assert stat.S_IMODE(data_dir.stat().st_mode) & 0o066 == 0


async def test_nobody_reaches_the_server_by_the_network(data_dir: Path) -> None:
    with EmbeddedServer(data_dir) as server:
        assert await ask(server, "SELECT current_setting('listen_addresses')") == ""
        assert await ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = 'rcu'") is False


async def test_the_server_keeps_what_it_acknowledged(data_dir: Path) -> None:
    with EmbeddedServer(data_dir) as server:
        for parameter in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert await ask(server, f"SELECT current_setting('{parameter}')") == "on"


def test_a_normal_user_runs_the_server_as_itself(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    with holding(home / "var", prefix=as_normal_user()) as holder:
        process_id = holder.wait_until_held()

        assert Path(f"/proc/{process_id}").stat().st_uid == home.stat().st_uid
        holder.let_go()


def test_a_folder_that_cannot_be_used_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(EmbeddedServerError, match="RCU_DATA_DIR"):
        EmbeddedServer(tmp_path / "file").acquire()


def test_a_cluster_of_another_version_is_refused_with_the_remedy(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "PG_VERSION").write_text("17\n")

    with pytest.raises(EmbeddedServerError, match="made by PostgreSQL 17"):
        EmbeddedServer(data_dir).acquire()


def test_a_server_that_does_not_start_says_why(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir, overrides={"shared_buffers": "a lot"})

    with pytest.raises(EmbeddedServerError, match="shared_buffers"):
        server.acquire()

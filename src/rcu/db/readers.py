"""Who may read the schema `analytics`: two roles that can read its views, and nothing else.

`rcu_analyst` reads every view but those of personal data, whose comment begins so;
`rcu_analyst_personal` reads these too. Roles belong to the whole server, not to one database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import asyncpg

from rcu.db.cluster import SUPERUSER
from rcu.db.engine import Database
from rcu.db.statements import fetch
from rcu.errors import RcuError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

SCHEMA: Final = "analytics"
ANALYST: Final = "rcu_analyst"
PERSONAL_ANALYST: Final = "rcu_analyst_personal"
PERSONAL_MARK: Final = "PERSONAL DATA"
"""How the comment of a view begins that holds what names or reaches a person."""


class RolesRefusedError(RcuError):
    """This account of the database may not make or give roles."""

    status = 403
    code = "roles_refused"

    def __init__(self, statements: list[str]) -> None:
        """Say what an administrator has to run."""
        super().__init__(
            "The account that the service uses may not make or give roles on this server. Have an "
            f"administrator run: {' '.join(f'{statement};' for statement in statements)}"
        )


class UnknownUserError(RcuError):
    """There is no such user of the database."""

    status = 404
    code = "unknown_user"

    def __init__(self, user: str) -> None:
        """Name the user, and say how to make one."""
        super().__init__(
            f"The database server has no user {user}. Make it first, as an administrator: "
            f'CREATE ROLE "{user}" LOGIN; then \\password {user} in psql, so that no password '
            "is written down."
        )


class PowerfulUserError(RcuError):
    """The user may do more than read already, which a grant would not take away."""

    status = 409
    code = "powerful_user"

    def __init__(self, user: str) -> None:
        """Name the user."""
        super().__init__(
            f"{user} owns the data or is an administrator: it may write. Give the role to a user "
            "that has no other rights."
        )


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may read."""

    members: dict[str, list[str]]
    """Users by role; a role that is not there has not been made."""


_MEMBERS = """
    SELECT r.rolname, coalesce(array_agg(m.rolname::text ORDER BY m.rolname)
           FILTER (WHERE m.rolname <> ALL ($1::text[])), '{}')
    FROM pg_roles r
    LEFT JOIN pg_auth_members a ON a.roleid = r.oid
    LEFT JOIN pg_roles m ON m.oid = a.member AND NOT m.rolsuper AND m.rolname <> current_user
    WHERE r.rolname = ANY ($1::text[])
    GROUP BY r.rolname
"""


async def find_readers(session: AsyncSession) -> Readers:
    """Return the roles that are there, and who has them."""
    rows = await fetch(session, _MEMBERS, [ANALYST, PERSONAL_ANALYST])
    return Readers({row[0]: list(row[1]) for row in rows})


_GRANTS = f"""
    SELECT format('GRANT USAGE ON SCHEMA {SCHEMA} TO %I', r.rolname)
    FROM pg_roles r
    WHERE r.rolname = ANY ($1::text[])
      AND NOT has_schema_privilege(r.oid, to_regnamespace('{SCHEMA}'), 'USAGE')
    UNION ALL
    SELECT format('GRANT SELECT ON %s TO %I', v.oid::regclass, r.rolname)
    FROM pg_class v
    JOIN pg_roles r ON r.rolname = CASE
        WHEN obj_description(v.oid, 'pg_class') LIKE '{PERSONAL_MARK}%' THEN $1[2] ELSE $1[1] END
    WHERE v.relnamespace = to_regnamespace('{SCHEMA}') AND v.relkind = 'v'
      AND NOT has_table_privilege(r.oid, v.oid, 'SELECT')
"""  # noqa: S608 - constants


async def grant_views(session: AsyncSession) -> int:
    """Let the roles that are there read the views that they cannot read yet; return how many.

    To be run after each migration: a view that is new may be read by nobody.
    """
    statements = await fetch(session, _GRANTS, [ANALYST, PERSONAL_ANALYST])
    for (statement,) in statements:
        await fetch(session, statement)
    return len(statements)


_USER = """
    SELECT rolsuper OR pg_has_role(rolname, current_user, 'MEMBER')
        OR pg_has_role(rolname, (
            SELECT nspowner FROM pg_namespace WHERE nspname = $2
        ), 'MEMBER') AS is_powerful
    FROM pg_roles WHERE rolname = $1
"""
_QUOTED = "SELECT format($1, VARIADIC $2::text[])"


async def let_read(database: Database, user: str, *, personal: bool) -> None:
    """Make a user a reader of the views, and its transactions in this database read only.

    Raises `UnknownUserError`, `PowerfulUserError`, or `RolesRefusedError` with the statements that
    an administrator has to run; then nothing is changed.
    """
    async with database.transaction() as session:
        await _check(session, user)
        there = (await find_readers(session)).members
        statements = [
            f"CREATE ROLE {role} NOLOGIN"
            for role in (ANALYST, PERSONAL_ANALYST)
            if role not in there
        ]
        if PERSONAL_ANALYST not in there:
            statements.append(f"GRANT {ANALYST} TO {PERSONAL_ANALYST}")
        role = PERSONAL_ANALYST if personal else ANALYST
        if user not in there.get(role, ()):
            statements.append(await _quoted(session, f"GRANT {role} TO %I", user))
        if not await _is_read_only(session, user):
            statements.append(
                await _setting(session, user, "SET default_transaction_read_only = on")
            )
        await _run(session, statements)
        await grant_views(session)


async def stop_reading(database: Database, user: str) -> None:
    """Take both roles from a user. One who has none is left alone."""
    async with database.transaction() as session:
        await _check(session, user)
        there = (await find_readers(session)).members
        statements = [
            await _quoted(session, f"REVOKE {role} FROM %I", user)
            for role, members in there.items()
            if user in members
        ]
        if statements:
            reset = await _setting(session, user, "RESET default_transaction_read_only")
            await _run(session, [*statements, reset])


async def _check(session: AsyncSession, user: str) -> None:
    found = await fetch(session, _USER, user, SCHEMA)
    if not found:
        raise UnknownUserError(user)
    if found[0]["is_powerful"]:
        raise PowerfulUserError(user)


_IS_READ_ONLY = """
    SELECT FROM pg_db_role_setting s
    JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
    JOIN pg_roles r ON r.oid = s.setrole AND r.rolname = $1
    WHERE 'default_transaction_read_only=on' = ANY (s.setconfig)
"""


async def _is_read_only(session: AsyncSession, user: str) -> bool:
    return bool(await fetch(session, _IS_READ_ONLY, user))


async def _setting(session: AsyncSession, user: str, what: str) -> str:
    [(name,)] = await fetch(session, "SELECT current_database()")
    return await _quoted(session, f"ALTER ROLE %I IN DATABASE %I {what}", user, name)


async def _quoted(session: AsyncSession, template: str, *names: str) -> str:
    [(statement,)] = await fetch(session, _QUOTED, template, list(names))
    return str(statement)


async def _run(session: AsyncSession, statements: list[str]) -> None:
    try:
        for statement in statements:
            await fetch(session, statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesRefusedError(statements) from error


def administered(database: Database) -> Database:
    """Return the embedded database, opened by its superuser, who may make roles.

    Its socket is private: who reaches it may do so anyway. To be closed by the caller.
    """
    return Database(database.engine.url.set(username=SUPERUSER), pool_size=1, pool_overflow=0)

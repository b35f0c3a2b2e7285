"""A process that serves the API and redeems points through it, many requests at the same instant.

Each line of its standard input is a list of redemptions that are sent together; each line that it
writes holds their HTTP statuses. With the name of a fault, redemption is replaced by a plausible
one that is wrong, on a table of its own: so a test shows that it would notice.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.loyalty import spending
from rcu.loyalty.errors import InsufficientPointsError
from rcu.loyalty.spending import Request
from tests.service_client import running_service

BUSY = 503
Redeem = Callable[[AsyncSession, Request], Awaitable[dict[str, Any]]]

NAIVE_TABLES = (
    "CREATE TABLE naive_account (balance bigint NOT NULL)",
    "CREATE TABLE naive_entry (points bigint NOT NULL)",
)


async def read_check_write(session: AsyncSession, request: Request) -> dict[str, Any]:
    """Read the balance, check it, and write the new one."""
    balance = await session.scalar(text("SELECT balance FROM naive_account"))
    _check(balance, request)
    left = {"left": balance - (request.points or 0)}
    await session.execute(text("UPDATE naive_account SET balance = :left"), left)
    return _answer(request)


async def sum_then_insert(session: AsyncSession, request: Request) -> dict[str, Any]:
    """Sum the entries, check, and insert one more, at READ COMMITTED."""
    balance = await session.scalar(text("SELECT sum(points)::bigint FROM naive_entry"))
    _check(balance, request)
    taken = {"points": -(request.points or 0)}
    await session.execute(text("INSERT INTO naive_entry VALUES (:points)"), taken)
    return _answer(request)


async def sum_then_insert_repeatable(session: AsyncSession, request: Request) -> dict[str, Any]:
    """Do the same at REPEATABLE READ, which guards rows that are changed, not sums."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    return await sum_then_insert(session, request)


FAULTS: dict[str, Redeem] = {
    "read_check_write": read_check_write,
    "sum_then_insert": sum_then_insert,
    "sum_then_insert_repeatable": sum_then_insert_repeatable,
}


def _check(balance: int, request: Request) -> None:
    if balance < (request.points or 0):
        raise InsufficientPointsError(requested=request.points or 0, available=balance)


def _answer(request: Request) -> dict[str, Any]:
    nobody = "00000000-0000-0000-0000-000000000000"
    told = {"points": request.points, "value_cents": None, "reward": None, "inferred_points": 0}
    return told | {"posting_id": nobody, "client_id": nobody, "balance": 0, "available": 0}


async def serve(url: str, key: str, fault: str) -> None:
    """Send the redemptions of each line at once, and write their statuses."""
    if fault:
        spending.redeem = FAULTS[fault]  # type: ignore[assignment]
    database = Database(url)
    headers = {"Authorization": f"Bearer {key}"}
    async with running_service(database) as http:

        async def one(body: dict[str, Any]) -> int:
            # Sent again while all connections are in use, as every sender does: it is safe.
            while True:
                answer = await http.post("/v1/loyalty/redeem", json=body, headers=headers)
                if answer.status_code != BUSY:
                    return answer.status_code
                await asyncio.sleep(0.05)

        while line := await asyncio.to_thread(sys.stdin.readline):
            statuses = await asyncio.gather(*(one(body) for body in orjson.loads(line)))
            sys.stdout.write(orjson.dumps(list(statuses)).decode() + "\n")
            sys.stdout.flush()
    await database.close()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:4]))

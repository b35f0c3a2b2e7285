"""What there is to compare the service with: Starlette and asyncpg, and nothing between them.

`BENCH_DATABASE` holds asyncpg's connection arguments as JSON, `BENCH_POOL_SIZE` the size of the
pool. One route returns the stored golden record of a client as it is; the other inserts a row for
each ticket that is posted, five columns and nothing else, as pgbench does.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

READ = "SELECT golden FROM golden_record WHERE client_id = $1"
ROWS = """
    CREATE TABLE bench_row (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        source text, ticket_id text, sold_at timestamptz, total_cents bigint
    )
"""
WRITE = """
    INSERT INTO bench_row (source, ticket_id, sold_at, total_cents)
    VALUES ('shop', $1, $2::text::timestamptz, $3)
"""


@asynccontextmanager
async def _pool(app: Starlette) -> AsyncIterator[None]:
    size = int(os.environ["BENCH_POOL_SIZE"])
    arguments = json.loads(os.environ["BENCH_DATABASE"])
    async with asyncpg.create_pool(**arguments, min_size=size, max_size=size) as pool:
        app.state.pool = pool
        yield


async def read(request: Request) -> Response:
    """Return the golden record of a client."""
    golden: str = await request.app.state.pool.fetchval(READ, request.path_params["client_id"])
    return Response(golden.encode(), media_type="application/json")


async def write(request: Request) -> Response:
    """Insert a row for a ticket; it is on disk when this answers."""
    ticket = await request.json()
    values = ticket["message_id"], ticket["sold_at"], ticket["total_cents"]
    await request.app.state.pool.execute(WRITE, *values)
    return Response(b"{}", status_code=201, media_type="application/json")


async def is_up(_request: Request) -> Response:
    """Say that the server answers."""
    return Response(b"{}", media_type="application/json")


app = Starlette(
    routes=[
        Route("/", is_up),
        Route("/tickets", write, methods=["POST"]),
        Route("/{client_id:uuid}", read),
    ],
    lifespan=_pool,
)

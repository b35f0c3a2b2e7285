"""What there is to compare a read with: Starlette and asyncpg, and nothing between them.

`BENCH_DATABASE` holds asyncpg's connection arguments as JSON, `BENCH_POOL_SIZE` the size of the
pool. The one route returns the stored golden record of a client as it is.
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


app = Starlette(routes=[Route("/{client_id:uuid}", read)], lifespan=_pool)

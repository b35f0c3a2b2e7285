"""A process that receives the profiles of its standard input, all at once, into a database."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import orjson

from rcu.db.engine import Database
from rcu.ingestion import service
from rcu.ingestion.messages import ProfileMessage


async def receive(url: str, source: str, sent: list[Any]) -> list[str]:
    """Receive profile messages and return the clients that were told."""
    database = Database(url)
    messages = [ProfileMessage.model_validate(message) for message in sent]
    receipts = await asyncio.gather(
        *(
            service.receive_together(database, source=source, messages=[message])
            for message in messages
        )
    )
    await database.close()
    return [str((receipt.answer or {})["client_id"]) for [receipt] in receipts]


if __name__ == "__main__":
    told = asyncio.run(receive(sys.argv[1], sys.argv[2], orjson.loads(sys.stdin.read())))
    sys.stdout.write(orjson.dumps(told).decode())

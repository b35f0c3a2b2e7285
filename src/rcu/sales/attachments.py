"""The attachments of tickets as known now, read as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text

from rcu.db.engine import Database

_FETCHED_ROWS: Final = 5000

METHOD_SQL: Final = """
    CASE WHEN NOT c.known THEN NULL
         WHEN t.link = 'original' THEN 'return_link'
         WHEN t.link = 'order' THEN 'order_reference'
         WHEN t.link IN ('claim', 'steward') THEN t.link
         WHEN r.kind = 'profile' THEN 'own_record'
         ELSE r.placement END
"""
"""The method of an attachment, of a ticket `t`, its record `r` and the client `c`.

What `attachment.attachment` says, for statements that read many tickets.
"""

_ATTACHMENTS = text(f"""
    SELECT t.source, t.ticket_id, c.id AS client_id, {METHOD_SQL} AS method
    FROM ticket t
    JOIN source_record r ON r.id = t.record_id
    JOIN client c ON c.id = r.client_id
    WHERE c.known AND t.kind <> 'void'
""")  # noqa: S608 - a constant


class AttachmentRow(NamedTuple):
    """A ticket and the known client it is attached to."""

    source: str
    ticket_id: str
    client_id: UUID
    method: str


async def stream_attachments(database: Database) -> AsyncGenerator[AttachmentRow, None]:
    """Yield every attached ticket, as of one instant; voids are no tickets of anybody.

    A cursor keeps the rows on the server, whatever their number.
    """
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        rows = await session.stream(_ATTACHMENTS, execution_options={"yield_per": _FETCHED_ROWS})
        async for row in rows:
            yield AttachmentRow(*row)

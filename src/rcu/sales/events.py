"""Recording events: what a person did that is no sale."""

from collections.abc import Sequence

from rcu.ids import uuid7
from rcu.sales import repository
from rcu.sales.attachment import attachment
from rcu.sales.facts import Attached, NewEvent, Outcome
from rcu.sales.recording import Recording


async def record_events(recording: Recording, events: Sequence[NewEvent]) -> list[Outcome]:
    """Record events and return whose each is."""
    if not events:
        return []
    placed = await recording.place(event.presentation for event in events)
    rows, outcomes = [], list[Outcome]()
    for event in events:
        record_id = placed.records[event.presentation.key] if event.presentation else None
        found = attachment(
            placed.holdings.get(record_id) if record_id else None, link="identifiers"
        )
        event_id = uuid7()
        rows.append(
            {
                "id": event_id,
                "source": event.source,
                "message_id": event.message_id,
                "name": event.name,
                "occurred_at": event.occurred_at,
                "received_at": recording.at,
                "channel": event.channel,
                "properties": dict(event.properties),
                "record_id": record_id,
            }
        )
        outcomes.append(
            Attached(
                fact_id=event_id,
                name=event.name,
                already=False,
                client_id=found.client_id if found else None,
                method=found.method if found else None,
            )
        )
    await repository.add_events(recording.session, rows)
    return outcomes

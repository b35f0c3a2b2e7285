"""What senders are told: outcomes as the answers of the wire, with their HTTP status."""

from typing import Any

from rcu.identity.outcomes import Placed
from rcu.ingestion.apply import Applied
from rcu.ingestion.intake import Intake
from rcu.ingestion.messages import MessageType
from rcu.sales.facts import Attached, Clash, Waiting

Answer = tuple[int, dict[str, Any]]
"""HTTP status and body."""


def answer_to(intake: Intake, applied: Applied) -> Answer:
    """Return the status and the answer to a message that was accepted."""
    if isinstance(applied, Placed):
        return profile_answer(
            intake.message_id, getattr(intake.message, "external_id", None), applied
        )
    if isinstance(applied, Waiting):
        return _parked(intake, applied)
    if isinstance(applied, Clash):
        msg = "a clash is refused, not answered"
        raise TypeError(msg)
    return _fact(intake, applied)


def profile_answer(message_id: str, external_id: str | None, placed: Placed) -> Answer:
    """Return the status and the answer to a profile message."""
    return 201 if placed.outcome in {"created", "matched"} else 200, {
        "message_id": message_id,
        "type": MessageType.PROFILE,
        "external_id": external_id,
        "outcome": placed.outcome,
        "client_id": str(placed.client_id),
        "merged_client_ids": [str(client_id) for client_id in placed.merged_client_ids],
        "match": _match(placed),
        "reviews": [
            {"client_id": str(client_id), "weight": round(weight, 3)}
            for client_id, weight in placed.reviews
        ],
    }


def _match(placed: Placed) -> dict[str, Any] | None:
    if placed.match is None:
        return None
    (source, external_id), score = placed.match
    return {
        "source": source,
        "external_id": external_id,
        "weight": round(score.weight, 3),
        "probability": round(score.probability, 6),
        "evidence": [
            {"attribute": item.attribute, "level": item.level, "weight": round(item.counted, 3)}
            for item in score.evidence
        ],
    }


def _fact(intake: Intake, attached: Attached) -> Answer:
    outcome = "already_recorded" if attached.already else "recorded"
    answer: dict[str, Any] = {
        "message_id": intake.message_id,
        "type": intake.type,
        "outcome": outcome,
        "client_id": str(attached.client_id) if attached.client_id else None,
        "method": attached.method,
    }
    if intake.type is MessageType.TICKET:
        answer |= {
            "ticket_id": attached.name,
            "reason": attached.reason,
            "loyalty": attached.points,
        }
    elif intake.type is MessageType.ORDER:
        answer |= {"order_id": attached.name, "status": attached.status}
    return 200 if attached.already else 201, answer


def _parked(intake: Intake, waiting: Waiting) -> Answer:
    return 202, {
        "message_id": intake.message_id,
        "type": intake.type,
        "outcome": "parked",
        "reason": waiting.reason,
        "detail": waiting.detail,
    }

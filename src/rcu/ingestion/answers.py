"""What senders are told: outcomes as the answers of the wire, with their HTTP status."""

from typing import Any

from rcu.identity.outcomes import Placed
from rcu.ingestion.apply import Applied
from rcu.ingestion.intake import Intake
from rcu.ingestion.messages import MessageType
from rcu.ingestion.profile_answers import Answer, matched_record, placed_answer, told_evidence
from rcu.sales.facts import Attached, Clash, Waiting


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
    match = None
    if placed.match is not None:
        key, score = placed.match
        match = matched_record(key, score.weight, score.probability, told_evidence(score.evidence))
    return placed_answer(
        message_id,
        external_id,
        outcome=placed.outcome,
        client_id=str(placed.client_id),
        merged_client_ids=[str(client_id) for client_id in placed.merged_client_ids],
        match=match,
        reviews=[(str(client_id), weight) for client_id, weight in placed.reviews],
    )


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
    elif intake.type is MessageType.CONSENT:
        answer |= {
            "purpose": attached.name,
            "status": attached.status,
            "reason": attached.reason,
        }
    return 200 if attached.already else 201, answer


def _parked(intake: Intake, waiting: Waiting) -> Answer:
    return 202, {
        "message_id": intake.message_id,
        "type": intake.type,
        "outcome": "parked",
        "reason": waiting.reason,
        "detail": waiting.detail,
    }

"""What senders are told: outcomes as the answers of the wire, with their HTTP status."""

from collections.abc import Iterable
from typing import Any

from rcu.identity.outcomes import Placed
from rcu.identity.scoring import Evidence
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
    match = None
    if placed.match is not None:
        key, score = placed.match
        match = matched_record(key, score.weight, score.probability, score.evidence)
    return placed_answer(
        message_id,
        external_id,
        outcome=placed.outcome,
        client_id=str(placed.client_id),
        merged_client_ids=[str(client_id) for client_id in placed.merged_client_ids],
        match=match,
        reviews=[(str(client_id), weight) for client_id, weight in placed.reviews],
    )


def placed_answer(  # noqa: PLR0913 - the members of the answer
    message_id: str,
    external_id: str | None,
    *,
    outcome: str,
    client_id: str,
    merged_client_ids: list[str],
    match: dict[str, Any] | None,
    reviews: Iterable[tuple[str, float]],
) -> Answer:
    """Return the status and the answer to a profile message, by what became of its record.

    `match` is of `matched_record`, and `reviews` are clients with the weight of the likeliest pair.
    """
    return 201 if outcome in {"created", "matched"} else 200, {
        "message_id": message_id,
        "type": MessageType.PROFILE,
        "external_id": external_id,
        "outcome": outcome,
        "client_id": client_id,
        "merged_client_ids": merged_client_ids,
        "match": match,
        "reviews": [{"client_id": other, "weight": round(weight, 3)} for other, weight in reviews],
    }


def matched_record(
    key: tuple[str, str], weight: float, probability: float, evidence: Iterable[Evidence]
) -> dict[str, Any]:
    """Return what an answer says of the record that ties another one to its client."""
    source, external_id = key
    return {
        "source": source,
        "external_id": external_id,
        "weight": round(weight, 3),
        "probability": round(probability, 6),
        "evidence": [
            {"attribute": attribute, "level": level, "weight": round(counted, 3)}
            for attribute, level, _, counted, _ in evidence
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

"""What the sender of a profile is told, of plain values: a bulk load says it in its processes."""

from collections.abc import Iterable
from typing import Any

from rcu.identity.scoring import Evidence
from rcu.ingestion.messages import MessageType

Answer = tuple[int, dict[str, Any]]
"""HTTP status and body."""


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


def told_evidence(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    """Return what an answer says of the evidence of a pair."""
    return [
        {"attribute": attribute, "level": level, "weight": round(counted, 3)}
        for attribute, level, _, counted, _ in evidence
    ]


def matched_record(
    key: tuple[str, str], weight: float, probability: float, evidence: object
) -> dict[str, Any]:
    """Return what an answer says of the record that ties another one to its client.

    `evidence` is of `told_evidence`, or stands for it in what is written.
    """
    source, external_id = key
    return {
        "source": source,
        "external_id": external_id,
        "weight": round(weight, 3),
        "probability": round(probability, 6),
        "evidence": evidence,
    }

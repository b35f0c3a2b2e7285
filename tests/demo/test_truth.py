"""What the identity engine makes of the demo, against the truth that the generator keeps."""

from __future__ import annotations

from collections.abc import Hashable

from rcu.demo.generator import generate
from rcu.evaluation import evaluate
from rcu.identity.in_memory import resolve
from rcu.identity.person import Person
from rcu.identity.registers import ProfileStatement, Registers, merge, person_of
from rcu.ingestion.messages import ProfileMessage

WIRE = {"message_id", "external_id", "occurred_at"}


def test_people_are_put_together_and_hardly_ever_mixed() -> None:
    records = profile_records()

    clients = resolve(records)

    truth: dict[Hashable, Hashable] = dict(generate().truth.person_of.items())
    assigned: dict[Hashable, Hashable] = {
        key: number for number, client in enumerate(clients) for key in client
    }
    score = evaluate(assigned, truth)
    assert score.precision >= 0.99
    assert score.recall >= 0.85


def test_namesakes_and_twins_of_one_household_are_not_mixed() -> None:
    truth = generate().truth
    delicate = {one.id for one in truth.people.values() if one.namesake or one.twin}

    for client in resolve(profile_records()):
        assert len({truth.person_of[key] for key in client} & delicate) <= 1


def profile_records() -> dict[tuple[str, str], Person]:
    """Return every source record as it stands when all messages have arrived."""
    records: dict[tuple[str, str], Registers] = {}
    for source, message in generate().messages:
        if isinstance(message, ProfileMessage):
            key = (source, message.external_id)
            stated = message.model_dump(mode="json", exclude_unset=True, exclude=WIRE)
            statement = ProfileStatement(
                source, message.external_id, stated, message.occurred_at, message.message_id
            )
            records[key] = merge(records.get(key, {}), statement)
    return {key: person_of(registers) for key, registers in records.items()}

"""The whole engine over records in memory."""

from rcu.identity.features import Features
from rcu.identity.in_memory import resolve, resolve_in_full
from rcu.identity.model import Model, ModelDocument
from rcu.identity.person import Person
from tests.identity.people import features, person


def test_people_are_described_and_resolved() -> None:
    records: dict[tuple[str, str], Person | Features] = {
        ("pos", "1"): person("Enora", "KERVELLA", phone="06 37 19 42 85"),
        ("app", "2"): person("Enora", "Kervella", phone="+33637194285"),
        ("app", "3"): features("Moussa", "Tavernier"),
    }

    assert resolve(records) == [
        frozenset({("app", "2"), ("pos", "1")}),
        frozenset({("app", "3")}),
    ]


def test_a_store_tablet_that_sends_one_device_for_everybody_links_nobody() -> None:
    tablet = {"identifiers": (("device", "tablet-7"),)}
    names = ["Enora", "Moussa", "Sylvie", "Yanis", "Odette", "Bruno", "Farida"]
    records = {
        f"{i}": person(name, family, **tablet)
        for i, (name, family) in enumerate(
            zip(names, ["Kervella", "Aubrac", "Goarnig"] * 3, strict=False)
        )
    } | {"nobody": person(None, None, **tablet), "e": person("Enora", "Kervella", **tablet)}

    found = resolve_in_full(records)

    assert ("device", "tablet-7") in found.shared
    assert all(len(c) == 1 for c in found.clients)


def test_a_key_with_too_many_holders_finds_no_candidates() -> None:
    document = Model.shipped().document.model_copy(update={"key_cap": 2})
    model = Model(ModelDocument.model_validate(document.model_dump()))
    records = {str(i): person("Enora", "Kervella", email=f"e{i}@orange.fr") for i in range(4)}

    found = resolve_in_full(records, model)

    assert found.generic_keys > 0
    assert found.scores == {}


def test_a_record_that_loses_its_email_leaves_the_client_that_the_email_made() -> None:
    owner = person("Enora", "Kervella", email="enora@orange.fr")

    together = resolve({"a": owner, "b": person(None, None, email="enora@orange.fr")})
    apart = resolve({"a": owner, "b": person(None, None)})

    assert together == [frozenset({"a", "b"})]
    assert apart == [frozenset({"a"}), frozenset({"b"})]

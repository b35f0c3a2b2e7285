"""How common names are, before anybody is matched."""

from __future__ import annotations

from rcu.identity.model import Model
from rcu.training.frequencies import frequencies_as_met
from tests.identity.people import features

HELD = Model.shipped().document.frequencies


def test_a_name_that_many_bear_beside_other_names_is_common_at_once() -> None:
    records = [features("Ragnheidur", f"Kolsdottir{chr(97 + i % 26) * 2}") for i in range(26)]
    records += [features(f"Helga{chr(97 + i % 26) * 2}", "Arnarsdottir") for i in range(26)]

    met = frequencies_as_met(records, HELD)

    assert met["given_name"].values["ragnheidur"] > 10 * HELD["given_name"].default
    assert met["family_name"].values["arnarsdottir"] > 10 * HELD["family_name"].default


def test_one_person_with_many_records_makes_no_name_common() -> None:
    records = [features("Ragnheidur", "Kolsdottir") for _ in range(40)]

    met = frequencies_as_met(records, HELD)

    assert "ragnheidur" not in met["given_name"].values

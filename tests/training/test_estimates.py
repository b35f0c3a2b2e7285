"""The pieces of a training that are counted by hand: shrinkage, prior, frequencies, households."""

from __future__ import annotations

from math import isclose, log2

import pytest

from rcu.identity.model import FrequencyTable, Model
from rcu.training.document import changed, tempered
from rcu.training.frequencies import learn_frequencies
from rcu.training.households import HouseholdCensus
from rcu.training.prior import estimate_prior, judged_shift, log_likelihood_bits
from rcu.training.shrinkage import PRIOR_EVENTS, shrunk, shrunk_or_refuted
from tests.identity.people import features, home


def test_what_was_never_tried_stays_as_it_was() -> None:
    assert shrunk(0, 0, 0.2) == 0.2


def test_trials_too_few_to_show_a_rare_event_say_nothing_of_it() -> None:
    assert isclose(shrunk(0, 200_000, 4e-9), 4e-9, rel_tol=1e-3)


def test_many_events_outweigh_what_was_held() -> None:
    assert shrunk(5_000, 10_000, 0.2) == pytest.approx(0.5, rel=0.01)


def test_as_many_events_as_the_prior_stands_for_count_half() -> None:
    assert shrunk(2 * PRIOR_EVENTS, PRIOR_EVENTS / 0.1, 0.1) == pytest.approx(0.15)


def test_what_was_held_of_a_rare_error_gives_way_to_records_that_are_full_of_it() -> None:
    assert shrunk(150, 1_000, 0.002) < 0.03
    assert shrunk_or_refuted(150, 1_000, 0.002) == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("events", "trials", "held"), [(0, 0, 0.2), (3, 1_000, 0.002), (0, 1_000, 0.02), (1, 20, 0.05)]
)
def test_what_chance_may_show_refutes_nothing(events: int, trials: int, held: float) -> None:
    kept = shrunk(events, trials, held)

    assert shrunk_or_refuted(events, trials, held) == pytest.approx(kept, rel=0.05)


def test_more_events_never_make_an_error_rarer() -> None:
    found = [shrunk_or_refuted(events, 1_000, 0.01) for events in range(0, 1_000, 7)]

    assert found == sorted(found)


def test_the_prior_is_the_share_of_pairs_that_match() -> None:
    certain = [60.0] * 2_000

    found = estimate_prior(certain, records=2_000, start_bits=-18)

    # 2,000 matches and the ten held, over all pairs and the 20,000 that ten would take
    assert found == pytest.approx(log2(2_010 / (1_999_000 + 20_000 - 2_010)), abs=1e-3)


def test_the_prior_does_not_hang_on_where_it_started() -> None:
    evidence = [60.0] * 300 + [11.0] * 50 + [-5.0] * 5_000

    found = {round(estimate_prior(evidence, records=1_000, start_bits=b), 2) for b in (-30, -2)}

    assert len(found) == 1


def test_without_matches_the_prior_is_what_ten_say() -> None:
    found = estimate_prior([-20.0] * 1_000, records=4_000, start_bits=-18)

    assert found < log2(1 / 4_000) - 5


def test_likelihood_grows_with_evidence_that_the_prior_allows() -> None:
    assert log_likelihood_bits([30.0] * 10, -10) > log_likelihood_bits([5.0] * 10, -10)


def test_without_judgements_nothing_moves() -> None:
    assert judged_shift([]) == 0


def test_refused_links_lower_the_weights_and_found_ones_raise_them() -> None:
    refused, found = judged_shift([(5.0, False)] * 30), judged_shift([(1.0, True)] * 30)

    assert refused < -2
    assert found > 1


def test_judgements_that_agree_with_the_weights_move_little() -> None:
    judged = [(6.0, True)] * 40 + [(-6.0, False)] * 40

    assert abs(judged_shift(judged)) < 0.2


HELD = {
    "given_name": FrequencyTable(average=0.004, default=0.0004, values={"lea": 0.01}),
    "family_name": FrequencyTable(average=0.0008, default=5e-5, values={}),
}


def test_a_name_counts_once_a_client_however_many_records_say_it() -> None:
    once = [[features("Noa", f"Vauzel{i:04}")] for i in range(40)]
    often = [[client[0]] * 5 for client in once]

    assert learn_frequencies(once, HELD) == learn_frequencies(often, HELD)


def test_a_name_that_many_bear_is_listed_and_one_that_few_bear_is_not() -> None:
    clients = [[features("Noa", f"Vauzel{i:04}")] for i in range(40)]
    clients += [[features("Nao", "Pradier")]] * 2

    table = learn_frequencies(clients, HELD)["given_name"]

    assert table.values["noa"] == pytest.approx((40 + 1_000 * 0.0004) / 1_042, rel=1e-4)
    assert "nao" not in table.values


def test_a_name_that_a_scanner_misreads_again_and_again_is_listed_as_a_slip() -> None:
    clients = [[features("Suzanne", f"Vauzel{i:04}")] for i in range(80)]
    clients += [[features("5uzanne", f"Dartois{i:04}")] for i in range(6)]
    clients += [[features("Odette", f"Oursel{i:04}")] for i in range(6)]

    table = learn_frequencies(clients, HELD)["given_name"]

    assert {"suzanne", "odette", "5uzanne"} <= table.values.keys()
    assert table.slips == {"5uzanne"}


def test_a_slip_is_no_given_name_and_weighs_by_how_often_it_is_made() -> None:
    clients = [[features("Suzanne", f"Vauzel{i:04}")] for i in range(400)]
    clients += [[features("5uzanne", f"Dartois{i:04}")] for i in range(40)]
    document = Model.shipped().document
    model = changed(Model.shipped(), frequencies=learn_frequencies(clients, document.frequencies))

    assert model.is_common_given_name("suzanne")
    assert not model.is_common_given_name("5uzanne")
    assert model.weight("given_name", "exact", "5uzanne") < model.weight(
        "given_name", "exact", "xylandre"
    )


def test_a_frequent_misreading_whose_bearers_go_by_the_name_meant_is_a_slip() -> None:
    clients = [
        [features("David", f"Vauzel{i:04}"), features("Davld", f"Vauzel{i:04}")] for i in range(20)
    ]
    clients += [[features("David", f"Oursel{i:04}")] for i in range(20)]

    assert "davld" in learn_frequencies(clients, HELD)["given_name"].slips


def test_a_name_near_another_whose_bearers_keep_to_it_is_listed() -> None:
    clients = [[features("Dana", f"Vauzel{i:04}")] * 2 for i in range(10)]
    clients += [[features("Dana", "Pradier"), features("Diana", "Pradier")]]
    clients += [[features("Diana", f"Oursel{i:04}")] * 2 for i in range(20)]

    table = learn_frequencies(clients, HELD)["given_name"]
    assert {"dana", "diana"} <= table.values.keys()
    assert not table.slips


def test_a_table_of_what_the_records_lack_stays() -> None:
    assert (
        learn_frequencies([[features(None, "Vauzelle")]], HELD)["given_name"]
        == (HELD["given_name"])
    )


def test_few_records_leave_the_shipped_tables_nearly_as_they_were() -> None:
    shipped = Model.shipped().document.frequencies
    clients = [[features("Agathe", f"Vauzel{i}", address=home("1 rue Haute"))] for i in range(30)]

    learned = learn_frequencies(clients, shipped)

    assert learned["family_name"].values["martin"] == pytest.approx(0.0038, rel=0.05)
    assert learned["family_name"].average == pytest.approx(0.0008, rel=0.05)


def test_names_that_stand_swapped_never_outweigh_the_same_names_straight() -> None:
    document = Model.shipped().document
    given = document.attributes["given_name"]
    rare = {**given.levels, "swapped": given.levels["swapped"].model_copy(update={"u": 1e-6})}
    attributes = {**document.attributes, "given_name": given.model_copy(update={"levels": rare})}
    model = changed(Model.shipped(), attributes=attributes)

    for name in ("enora", "xylandre"):
        exact = model.weight("given_name", "exact", name)
        assert model.weight("given_name", "swapped", name) > exact
        assert tempered(model).weight("given_name", "swapped", name) <= exact
    assert tempered(Model.shipped()).document == document


TWO_PEOPLE = {"address": "exact", "given_name": "different", "birth_date": "different"}
OTHER_GIVEN_NAME = {"address": "exact", "given_name": "different", "birth_date": "exact"}
OTHER_DATE = {"address": "exact", "given_name": "exact", "birth_date": "different"}


def test_where_two_people_share_homes_a_lone_difference_parts_them() -> None:
    census = HouseholdCensus.of([TWO_PEOPLE] * 100 + [OTHER_GIVEN_NAME] * 5 + [OTHER_DATE] * 5)

    assert census == HouseholdCensus(100, 5, 5)
    assert census.excusable_differences() == frozenset()


def test_where_nobody_shares_a_home_a_lone_difference_is_an_error() -> None:
    census = HouseholdCensus.of([TWO_PEOPLE] + [OTHER_GIVEN_NAME] * 20 + [OTHER_DATE] * 20)

    assert census.excusable_differences() == {"given_name", "birth_date"}


def test_where_given_names_are_few_two_of_a_household_bear_one_by_chance() -> None:
    census = HouseholdCensus.of([TWO_PEOPLE] * 100 + [OTHER_DATE] * 30)

    assert census.excusable_differences() == {"birth_date"}
    assert census.excusable_differences(same_given_name=0.04) == frozenset()


def test_pairs_that_share_no_home_tell_nothing_of_households() -> None:
    elsewhere = {**OTHER_GIVEN_NAME, "address": "different"}

    assert HouseholdCensus.of([elsewhere] * 50).excusable_differences() == frozenset()

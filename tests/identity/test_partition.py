"""The partition: a function of the set; nobody is merged with whom a member contradicts."""

import random
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcu.identity.features import Features
from rcu.identity.in_memory import resolve, resolve_in_full, shared_identifiers
from rcu.identity.model import Model
from rcu.identity.partition import Judgements, partition
from rcu.identity.scoring import Decision, contradiction, score_pair
from tests.identity.people import features, home

MODEL = Model.shipped()
LILAS = home("12 rue des Lilas")


def clients_of(
    records: Mapping[str, Features], judgements: Judgements[str] | None = None
) -> set[frozenset[str]]:
    scores = {
        (a, b): score_pair(records[a], records[b], MODEL) for a, b in combinations(records, 2)
    }
    return set(partition(records, scores, model=MODEL, judgements=judgements))


def client(*records: str) -> frozenset[str]:
    return frozenset(records)


def test_records_of_one_person_become_one_client() -> None:
    records = {
        "till": features("Enora", "KERVELLA", phone="0637194285"),
        "shop": features("Enora", "Kervella", phone="+33 6 37 19 42 85", email="enora@orange.fr"),
        "app": features("Nono", "Kervella", email="enora@orange.fr", born="17/03/1984"),
        "other": features("Moussa", "Tavernier", phone="0752806391"),
    }

    assert client("till", "shop") in {frozenset(c & {"till", "shop"}) for c in clients_of(records)}
    assert client("other") in clients_of(records)


def test_a_chain_never_joins_two_people_who_contradict_each_other() -> None:
    records = {
        "mother": features("Sylvie", "Kervella", email="famille@orange.fr", born="12/05/1959"),
        "bridge": features(None, "Kervella", email="famille@orange.fr", phone="0637194285"),
        "daughter": features("Enora", "Kervella", phone="0637194285", email="famille@orange.fr"),
    }

    for c in clients_of(records):
        assert not {"mother", "daughter"} <= c


def test_a_rare_name_alone_ties_its_records_while_one_person_bears_it() -> None:
    records = {
        "till": features("Enora", "KERVELLA"),
        "shop": features("Enora", "Kervella", email="enora@orange.fr", born="17/03/1984"),
    }

    assert clients_of(records) == {client("till", "shop")}


@pytest.mark.parametrize(
    "other",
    [
        features("Enora", "Kervella", email="enora2@free.fr", born="02/11/1951"),
        features("Enora", "Kervella", phone="0752806391", email="enora2@free.fr"),
    ],
    ids=["by birth date", "by e-mail and phone"],
)
def test_a_name_that_two_people_bear_ties_nobody_by_itself(other: Features) -> None:
    records = {
        "till": features("Enora", "Kervella"),
        "counter": features("Enora", "KERVELLA", title="Mme"),
        "shop": features(
            "Enora", "Kervella", phone="0637194285", email="enora@orange.fr", born="17/03/1984"
        ),
        "app": features("Enora", "Kervella", phone="0637194285", born="17/03/1984"),
        "other": other,
    }

    assert clients_of(records) == {
        client("till"), client("counter"), client("shop", "app"), client("other"),
    }  # fmt: skip


def test_a_common_name_alone_ties_nobody() -> None:
    records = {
        "till": features("Marie", "Martin"),
        "shop": features("Marie", "Martin", email="marie.martin7@orange.fr"),
    }

    assert clients_of(records) == {client("till"), client("shop")}


def test_an_anonymous_record_that_two_people_claim_belongs_to_neither() -> None:
    records = {
        "mother": features("Sylvie", "Kervella", email="famille@orange.fr"),
        "father": features("Alain", "Kervella", email="famille@orange.fr"),
        "ticket": features(email="famille@orange.fr"),
        "another ticket": features(email="famille@orange.fr"),
    }

    assert clients_of(records) == {
        client("mother"),
        client("father"),
        client("ticket", "another ticket"),
    }


def test_an_anonymous_record_goes_to_its_only_owner() -> None:
    records = {
        "mother": features("Sylvie", "Kervella", email="sylvie@orange.fr"),
        "father": features("Alain", "Kervella", email="alain@orange.fr"),
        "ticket": features(email="sylvie@orange.fr"),
    }

    assert clients_of(records) == {client("mother", "ticket"), client("father")}


def test_a_contested_record_does_not_follow_one_that_is_not() -> None:
    records = {
        "mother": features("Sylvie", "Kervella", email="famille@orange.fr", phone="0637194285"),
        "father": features("Alain", "Kervella", email="famille@orange.fr"),
        "her ticket": features(email="famille@orange.fr", phone="0637194285"),
        "a ticket": features(email="famille@orange.fr"),
    }

    assert clients_of(records) == {
        client("mother", "her ticket"),
        client("father"),
        client("a ticket"),
    }


def test_the_stronger_of_two_claims_wins_when_it_is_much_stronger() -> None:
    records = {
        "mother": features("Sylvie", "Kervella", email="famille@orange.fr", card="4006381333931"),
        "father": features("Alain", "Kervella", email="famille@orange.fr"),
        "ticket": features(email="famille@orange.fr", card="4006381333931"),
    }

    assert clients_of(records) == {client("mother", "ticket"), client("father")}


def test_father_and_son_of_one_name_are_not_joined_through_a_bare_record() -> None:
    records = {
        "father": features(
            "Yann", "Kervella", address=LILAS, email="yk@orange.fr", phone="0637194285"
        ),
        "son": features(
            "Yann", "Kervella", address=LILAS, email="yannou@free.fr", phone="0752806391"
        ),
        "till": features("Yann", "Kervella", address=LILAS),
    }

    for c in clients_of(records):
        assert not {"father", "son"} <= c


def test_a_judgement_of_no_match_parts_what_would_link() -> None:
    records = {
        "a": features("Enora", "Kervella", email="enora@orange.fr"),
        "b": features("Enora", "Kervella", email="enora@orange.fr", phone="0637194285"),
        "c": features("Enora", "Kervella", phone="0637194285"),
    }
    apart = Judgements(cannot_link=frozenset({frozenset({"a", "c"})}))

    assert clients_of(records) == {client("a", "b", "c")}
    assert all(not {"a", "c"} <= c for c in clients_of(records, apart))


def test_a_judgement_of_match_joins_what_would_stay_apart() -> None:
    records = {
        "a": features("Enora", "Kervella"),
        "b": features("Nora", "Morvan", email="nora@orange.fr"),
        "c": features("Nora", "Morvan", email="nora@orange.fr"),
    }
    one = Judgements(must_link=frozenset({frozenset({"a", "b"})}))

    assert client("a", "b") <= next(c for c in clients_of(records, one) if "a" in c)


def test_two_who_are_judged_apart_stay_apart_whatever_third_record_is_judged_to_be_both() -> None:
    records = {
        "enora": features("Enora", "Kervella", born="17/03/1984"),
        "initial": features("E.", "Kervella"),
        "erwan": features("Erwan", "Kervella", born="03/09/1988"),
    }
    said = Judgements(
        must_link=frozenset({frozenset({"enora", "initial"}), frozenset({"initial", "erwan"})}),
        cannot_link=frozenset({frozenset({"enora", "erwan"})}),
    )

    assert clients_of(records, said) == {client("enora", "initial"), client("erwan")}


def test_a_judgement_on_a_record_that_is_not_here_is_ignored() -> None:
    records = {"a": features("Enora", "Kervella")}
    judged = Judgements(
        must_link=frozenset({frozenset({"a", "gone"})}),
        cannot_link=frozenset({frozenset({"a", "gone"})}),
    )

    assert clients_of(records, judged) == {client("a")}


def test_nobody_has_more_identifiers_than_the_model_allows() -> None:
    limit = MODEL.value_limit("card")
    records = {
        f"{i:02}": features(
            "Enora", "Kervella", email="enora@orange.fr", card=f"AB{1000 + 137 * i}"
        )
        for i in range(limit + 5)
    }

    assert all(
        len({card for key in c for card in records[key].cards}) <= limit
        for c in clients_of(records)
    )


def test_no_records_give_no_clients() -> None:
    assert clients_of({}) == set()


# Any permutation, any duplicates


def _family(seed: int) -> dict[str, Features]:
    """Return the messy records of two invented households, drawn by a seed."""
    draw = random.Random(seed)  # noqa: S311 - draws data, not secrets
    street = [LILAS, home("12, r. des Lilas", "44000", "NANTES"), None]
    people = [
        ("Sylvie", "Kervella", "12/05/1959", "sk@orange.fr", "0637194285"),
        ("Alain", "Kervella", "23/08/1957", "famille@orange.fr", "0752806391"),
        ("Enora", "Kervella", "17/03/1984", "enora.kervella@gmail.com", "0661730942"),
        ("Alain", "Kervella", "30/12/1988", "alain88@free.fr", "0784512093"),
        ("Moussa", "Tavernier", "02/11/1961", "moussa@free.fr", "0699014527"),
    ]
    found = {}
    for i in range(14):
        given_name, family_name, born, email, phone = draw.choice(people)
        said: dict[str, Any] = {}
        if draw.random() < 0.4:
            said["born"] = born
        if draw.random() < 0.5:
            said["email"] = draw.choice([email, "famille@orange.fr"])
        if draw.random() < 0.5:
            said["phone"] = draw.choice([phone, "0240194285"])
        address = draw.choice(street)
        if address:
            said["address"] = address
        shown = draw.choice([given_name, given_name.upper(), given_name[0] + ".", None])
        found[f"r{i:02}"] = features(shown, family_name, **said)
    return found


@pytest.mark.parametrize("seed", range(30))
def test_the_order_of_arrival_does_not_matter(seed: int) -> None:
    records = _family(seed)
    expected = resolve(records, MODEL)

    for shuffle in range(5):
        keys = list(records)
        random.Random(shuffle).shuffle(keys)  # noqa: S311 - draws data, not secrets

        assert resolve({key: records[key] for key in keys}, MODEL) == expected


@pytest.mark.parametrize("seed", range(30))
def test_the_order_and_orientation_of_the_scores_do_not_matter(seed: int) -> None:
    records = _family(seed)
    scores = resolve_in_full(records, MODEL).scores
    expected = partition(records, scores, model=MODEL)

    for shuffle in range(8):
        chance = random.Random(shuffle)  # noqa: S311 - draws data, not secrets
        items = [
            ((b, a) if chance.random() < 0.5 else (a, b), score) for (a, b), score in scores.items()
        ]
        chance.shuffle(items)

        assert partition(records, dict(items), model=MODEL) == expected


def test_equal_links_are_taken_in_the_order_of_the_records_own_keys() -> None:
    son, father = {"born": "03/09/1988"}, {"born": "12/05/1959"}
    records = {
        "a": features("Yann", "Kervella", email="yk@orange.fr", **son),
        "m": features("Yann", "Kervella", email="yk@orange.fr"),
        "z": features("Yann", "Kervella", email="yk@orange.fr", **father),
    }

    assert clients_of(records) == {client("a", "m"), client("z")}
    assert clients_of(dict(reversed(records.items()))) == {client("a", "m"), client("z")}


@pytest.mark.parametrize("seed", range(30))
def test_no_client_holds_two_people_who_contradict_each_other(seed: int) -> None:
    records = _family(seed)

    for c in resolve(records, MODEL):
        for a, b in combinations(sorted(c), 2):
            assert contradiction(records[a], records[b], MODEL) in {None, "title"}


@pytest.mark.parametrize("seed", range(30))
def test_a_component_can_be_partitioned_by_itself(seed: int) -> None:
    records = {**_family(seed), **{f"x{k}": v for k, v in _family(seed + 1000).items()}}
    found = resolve_in_full(records, MODEL)
    shared = shared_identifiers(records, MODEL)
    links = [pair for pair, score in found.scores.items() if score.decision is Decision.LINK]

    for component in _components(list(records), links):
        own = {key: records[key] for key in component}
        scores = {
            (a, b): score_pair(own[a], own[b], MODEL, shared=shared)
            for a, b in found.scores
            if a in own and b in own
        }

        assert set(partition(own, scores, model=MODEL)) <= set(found.clients)


def _components(keys: list[str], links: list[tuple[str, str]]) -> list[set[str]]:
    component = {key: {key} for key in keys}
    for a, b in links:
        if component[a] is not component[b]:
            joined = component[a] | component[b]
            component.update(dict.fromkeys(joined, joined))
    return list({id(members): members for members in component.values()}.values())


records_drawn = st.lists(
    st.builds(
        features,
        st.sampled_from([None, "Sylvie", "Alain", "Enora", "E.", "Kervella"]),
        st.sampled_from([None, "Kervella", "Morvan", "Enora"]),
        title=st.sampled_from([None, "M.", "Mme"]),
        birth_date=st.sampled_from([None, "12/05/1959", "17/03/1984", "01/01/1984"]),
        emails=st.sampled_from([(), ("famille@orange.fr",), ("enora@orange.fr",)]),
        phones=st.sampled_from([(), ("0637194285",), ("0240194285",)]),
        cards=st.sampled_from([(), ("4006381333931",), ("AB1234",)]),
        addresses=st.sampled_from([(), (LILAS,)]),
    ),
    max_size=9,
)


@settings(max_examples=150, deadline=None)
@given(records_drawn, st.randoms(use_true_random=False), st.data())
def test_the_partition_is_a_function_of_the_set(
    drawn: list[Features], chance: random.Random, data: st.DataObject
) -> None:
    records = {f"r{i}": each for i, each in enumerate(drawn)}
    pairs = st.frozensets(
        st.frozensets(st.sampled_from(sorted(records) or ["none"]), min_size=1, max_size=2),
        max_size=2,
    )
    judgements = Judgements(must_link=data.draw(pairs), cannot_link=data.draw(pairs))
    expected = resolve(records, MODEL, judgements)
    keys = list(records)
    chance.shuffle(keys)

    assert resolve({key: records[key] for key in keys}, MODEL, judgements) == expected
    assert sorted(key for c in expected for key in c) == sorted(records)


def test_one_who_lies_between_two_errors_shows_that_both_are_errors() -> None:
    records = {
        "till": features("Enora", "Kervella", born="17/03/1984", address=LILAS),
        "shop": features("Enora", "Kervella", born="17/05/1984", address=LILAS),
        "app": features("Enora", "Kervella", born="12/03/1984", address=LILAS),
    }
    assert contradiction(records["shop"], records["app"], MODEL) == "birth_date"

    assert clients_of(records) == {client("till", "shop", "app")}


def test_a_slip_in_the_name_on_either_side_of_it_is_no_other_person() -> None:
    records = {
        "till": features("Berta", "Kervella", born="17/03/1984", address=LILAS),
        "shop": features("Verta", "Kervella", address=LILAS),
        "app": features("Bertq", "Kervella", born="17/03/1984", address=LILAS),
    }
    assert contradiction(records["shop"], records["app"], MODEL) == "given_name"

    assert clients_of(records) == {client("till", "shop", "app")}


def test_slips_in_a_name_are_no_errors_where_no_birth_date_says_who_is_meant() -> None:
    records = {
        "till": features("Berta", "Kervella", address=LILAS),
        "shop": features("Verta", "Kervella", address=LILAS),
        "app": features("Bertq", "Kervella", address=LILAS),
    }

    assert not any({"shop", "app"} <= clients for clients in clients_of(records))


@pytest.mark.parametrize(
    "between",
    [
        features("Enora", "Kervella", address=LILAS, phone="0240112233"),
        features(None, "Kervella", born="17/03/1984", address=LILAS, phone="0240112233"),
        features("Enora", "Kervella", born="1984", address=LILAS, phone="0240112233"),
    ],
    ids=["without_birth_date", "without_given_name", "year_alone"],
)
def test_twins_and_a_record_that_may_be_of_either_are_not_one(between: Features) -> None:
    records = {
        "one": features("Enora", "Kervella", born="17/03/1984", address=LILAS, phone="0240112233"),
        "two": features(
            "Nolwenn", "Kervella", born="17/03/1984", address=LILAS, phone="0240112233"
        ),
        "between": between,
    }

    assert not any({"one", "two"} <= clients for clients in clients_of(records))


def test_father_and_son_and_a_record_without_birth_date_are_not_one() -> None:
    records = {
        "father": features("Yann", "Kervella", born="17/03/1954", address=LILAS),
        "son": features("Yann", "Kervella", born="02/11/1984", address=LILAS),
        "between": features("Yann", "Kervella", address=LILAS, phone="0240112233"),
        "young": features("Yann", "Kervella", born="02/11/1985", address=LILAS),
    }

    assert not any({"father", "son"} <= clients for clients in clients_of(records))


def test_a_record_of_the_name_and_home_of_father_and_son_goes_to_neither() -> None:
    records = {
        "father": features("Yann", "Kervella", born="17/03/1954", address=LILAS),
        "son": features("Yann", "Kervella", born="02/11/1984", address=LILAS),
        "either": features("Yann", "Kervella", address=LILAS),
    }

    assert clients_of(records) == {client("father"), client("son"), client("either")}


def test_an_initial_at_the_home_of_two_whom_it_may_mean_goes_to_neither() -> None:
    records = {
        "mother": features("Enora", "Kervella", born="17/03/1984", address=LILAS),
        "aunt": features("Elouan", "Kervella", born="17/03/1981", address=LILAS),
        "either": features("E.", "Kervella", address=LILAS),
    }

    assert clients_of(records) == {client("mother"), client("aunt"), client("either")}


def test_names_that_differ_by_an_error_each_are_no_rivals_for_a_record_of_the_right_one() -> None:
    records = {
        "till": features("Berta", "Kervella", address=LILAS),
        "shop": features("Verta", "Kervella", born="17/03/1984", address=LILAS),
        "app": features("Bertq", "Kervella", born="17/03/1984", address=LILAS),
    }
    assert contradiction(records["shop"], records["app"], MODEL) == "given_name"

    assert client("till") not in clients_of(records)

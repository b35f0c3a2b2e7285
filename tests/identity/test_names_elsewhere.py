"""Names of other scripts and countries: without vowels, of two generations, with an initial."""

from __future__ import annotations

import pytest

from rcu.identity.model import Model
from rcu.identity.name_comparison import compare_given, compare_names, given_names_differ
from rcu.identity.normalise.names import facets, generation_of, name_words
from rcu.identity.scoring import Decision, contradiction, score_pair
from tests.identity.people import features, home

MODEL = Model.shipped()


def level(one: str, other: str, *, common: bool = False) -> str:
    """Return the level of two given names, which must not hang on their order."""
    a, b = name_words(one), name_words(other)
    found = compare_given(a, b, lambda _: common)

    assert compare_given(b, a, lambda _: common) == found
    return found.level


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Татьяна", ("tatyana",)),
        ("سعيد", ("syd",)),
        ("العلي", ("lly",)),
        ("D'Angelo", ("d", "angelo")),
        ("N\u2019Diaye", ("n", "diaye")),
    ],
)
def test_signs_for_sounds_part_no_words_but_apostrophes_do(
    written: str, words: tuple[str, ...]
) -> None:
    assert name_words(written) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Howie", "Howard"),
        ("Ollie", "Oliver"),
        ("Jake", "Jacob"),
        ("Chuy", "Jesús"),
        ("Leigh", "Lee"),
        ("Steven", "Stephen"),
        ("Kathryn", "Catherine"),
    ],
)
@pytest.mark.parametrize("common", [True, False])
def test_a_short_form_or_another_spelling_is_the_name(
    one: str, other: str, *, common: bool
) -> None:
    assert level(one, other, common=common) == "nickname"


@pytest.mark.parametrize(("one", "other"), [("Ollie", "Alfie"), ("Howie", "Harold")])
def test_short_forms_of_two_names_are_two_names(one: str, other: str) -> None:
    assert level(one, other, common=True) == "different"


@pytest.mark.parametrize(
    ("one", "other"),
    [("حسين", "Hussein"), ("فاطمة", "Fatima"), ("מרים", "Miriam"), ("أحمد", "Ahmed")],
)
@pytest.mark.parametrize("common", [True, False])
def test_a_name_without_its_vowels_is_not_held_against_it(
    one: str, other: str, *, common: bool
) -> None:
    assert level(one, other, common=common) == "resembling"


@pytest.mark.parametrize(
    ("one", "other"), [("خالد", "Karim"), ("فاطمة", "Ahmed"), ("Lynn", "Lina"), ("Marc", "Maric")]
)
def test_other_consonants_or_too_few_of_them_are_another_name(one: str, other: str) -> None:
    assert level(one, other, common=True) == "different"


def test_a_name_without_vowels_links_by_what_else_is_personal_and_spouses_stay_apart() -> None:
    own = {"email": "h.najjar@example.org", "phone": "0612734985"}
    written = features("حسين", "نجار", born="07/06/1981", **own)

    latin = features("Hussein", "Najjar", born="07/06/1981", **own)
    spouse = features("Zainab", "Najjar", born="12/03/1984", **own)

    assert score_pair(written, latin, MODEL).decision is Decision.LINK
    assert score_pair(written, spouse, MODEL).decision is not Decision.LINK


@pytest.mark.parametrize(
    ("name", "generation"),
    [
        ("Smith Jr.", "second"),
        ("Smith II", "second"),
        ("Souza Filho", "second"),
        ("Smith Sr", "first"),
        ("Smith III", "third"),
        ("Smith", None),
        ("Junior", None),
    ],
)
def test_the_generation_stands_behind_the_name(name: str, generation: str | None) -> None:
    assert generation_of(name_words(name)) == generation


def test_the_generation_is_no_part_of_the_family_name() -> None:
    assert facets(name_words("Smith Jr")).core == ("smith",)
    assert facets(name_words("Neto")).core == ("neto",)


def test_father_and_son_of_one_name_and_home_are_parted_by_their_generations() -> None:
    shared = {"address": home("12 rue des Lilas"), "phone": "0240123456"}
    father = features("John", "Oakwell Sr", **shared)
    son = features("John", "Oakwell Jr.", **shared)
    either = features("John", "Oakwell", **shared)

    assert contradiction(father, son, MODEL) == "given_name"
    assert given_names_differ(father, son, MODEL.is_common_given_name)
    assert score_pair(father, son, MODEL).decision is not Decision.LINK
    assert score_pair(son, either, MODEL).decision is Decision.LINK


def test_two_spellings_of_one_generation_are_one() -> None:
    one, other = features("John", "Oakwell Jr"), features("John Junior", "Oakwell")

    assert compare_names(one, other, MODEL.is_common_given_name).family.level == "particle"
    assert contradiction(one, other, MODEL) is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("David M", "Mary", "different"),
        ("Elizabeth M", "Mary J", "different"),
        ("Mary M", "Mary", "part"),
        ("J Luc", "Jean", "initial"),
        ("J Luc", "Jean Luc", "typing_error"),
    ],
)
def test_a_middle_initial_is_not_the_first_name_of_another(
    one: str, other: str, expected: str
) -> None:
    assert level(one, other, common=True) == expected


def test_a_lone_initial_may_be_the_second_name_and_decides_nothing() -> None:
    assert level("D", "Kasey D") == level("D.", "Kasey Dean") == level("D", "K D") == "resembling"
    assert level("K", "Kasey D") == "initial"
    assert level("E", "Kasey D") == level("D J", "Kasey D") == "different"


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("Jamal Yusuf", "Jamal Yousef", "typing_error"),
        ("Marie Claire", "Marie Clara", "resembling"),
        ("Santoso Soegiyanto", "Santoso Sugiyanto", "typing_error"),
        ("Jean Luc", "Jean Marc", "different"),
        ("Min Seo", "Min Ji", "different"),
        ("Natalia N", "Natalia A", "different"),
        ("Diego da Lima", "Diego Rita Lima", "part"),
        ("Joel dos Costa", "Joel Leonor Costa", "part"),
        ("Ben", "Ben John", "part"),
        ("Muhammad Ali", "Mohammed", "part"),
    ],
)
def test_of_two_given_names_the_second_is_judged_as_it_would_be_alone(
    one: str, other: str, found: str
) -> None:
    assert level(one, other) == found


def test_two_common_second_names_are_two_people() -> None:
    assert level("Marie Claire", "Marie Clara", common=True) == "different"
    assert level("Jean Michel", "Michelle", common=True) == "different"


def test_a_name_that_stands_alone_may_be_the_given_name() -> None:
    contact = {"email": "enora.kervella@example.org"}
    whole = features("Enora", "Kervella", **contact)

    for lone in (features(None, "Enora", **contact), features(None, "Enoras", **contact)):
        assert compare_names(lone, whole, lambda _: False) == compare_names(
            whole, lone, lambda _: False
        )
        assert score_pair(lone, whole, MODEL).decision is Decision.LINK
    spouse = features(None, "Fontaine", **contact)
    assert score_pair(spouse, whole, MODEL).decision is Decision.REVIEW


@pytest.mark.parametrize(
    ("one", "other", "given", "family"),
    [
        (("Berta", "Kilianek"), ("Kilianek", "Bretq"), "resembling", "swapped"),
        (("Berta", "Kilianek"), ("Kilianekk", "Bretq"), "different", "different"),
        (("Thomas", "Martin"), ("Martin", "Tomasi"), "different", "different"),
    ],
    ids=["one_to_the_letter", "neither_to_the_letter", "two_given_names"],
)
def test_names_have_changed_places_where_one_is_there_to_the_letter(
    one: tuple[str, str], other: tuple[str, str], given: str, family: str
) -> None:
    a, b = features(*one), features(*other)

    found = compare_names(a, b, MODEL.is_common_given_name)

    assert (found.given.level, found.family.level) == (given, family)
    assert compare_names(b, a, MODEL.is_common_given_name) == found
    assert given_names_differ(a, b, MODEL.is_common_given_name) is (given == "different")

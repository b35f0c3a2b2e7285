"""Names: words, particles, titles, fillers, sounds, short forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcu.identity.normalise.names import facets, gender_of_title, name_words
from rcu.identity.normalise.nicknames import roots_of
from rcu.identity.normalise.sound import RULES, sound
from rcu.identity.normalise.text import words


def test_accents_case_hyphens_and_invisible_characters_make_no_difference() -> None:
    assert name_words("Anne-Gaëlle") == name_words("ANNE GAELLE") == ("anne", "gaelle")
    assert name_words("Zo\u200bé") == ("zoe",)
    assert name_words("Çelik") == ("celik",)


def test_titles_and_digits_inside_a_name_go() -> None:
    assert name_words("Mme Kervella") == ("kervella",)
    assert name_words("Kervella 2") == ("kervella",)


@pytest.mark.parametrize("filler", ["", None, "Client", "INCONNU", "xxx", "test", "aaaa", "..."])
def test_fillers_are_no_names(filler: str | None) -> None:
    assert name_words(filler) == ()


def test_particles_stay_in_the_whole_and_leave_the_core() -> None:
    seen = facets(name_words("Le Goarnig"))

    assert seen.joined == "legoarnig"
    assert seen.core == ("goarnig",)
    assert facets(name_words("d'Aubrac")).core == ("aubrac",)
    assert facets(name_words("van der Meulen")).core == ("meulen",)
    assert facets(("le",)).core == ("le",)


@pytest.mark.parametrize("name", ["J", "J.", "J. P.", "JP", "J-P"])
def test_initials_are_known(name: str) -> None:
    assert facets(name_words(name)).initials


@pytest.mark.parametrize("name", ["Jo", "Al", "Guy"])
def test_short_names_are_no_initials(name: str) -> None:
    assert not facets(name_words(name)).initials


@pytest.mark.parametrize(
    ("title", "gender"),
    [
        ("Mme", "f"),
        ("MLLE", "f"),
        ("M.", "m"),
        ("Mr", "m"),
        ("Mrs", "f"),
        ("Dr", None),
        ("", None),
        (None, None),
    ],
)
def test_a_title_says_the_gender_or_nothing(title: str | None, gender: str | None) -> None:
    assert gender_of_title(title) == gender


@pytest.mark.parametrize("word", ["male", "1", "M", "männlich", "homme", "Hombre"])
def test_a_word_for_a_sex_tells_it_as_a_form_of_address_does(word: str) -> None:
    assert gender_of_title(word) == "m"


@pytest.mark.parametrize("name", ["Donna", "Sig", "Manfred"])
def test_a_name_tells_no_sex(name: str) -> None:
    assert gender_of_title(name) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dupond", "dupont"),
        ("philippe", "filipe"),
        ("thierry", "thierri"),
        ("benoist", "benoit"),
        ("schmidt", "schmitt"),
        ("martin", "martain"),
        ("katrine", "catrine"),
    ],
)
def test_names_that_sound_alike_share_a_sound(one: str, other: str) -> None:
    assert sound(one) == sound(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("jean", "jeanne"), ("martin", "marin"), ("paul", "pierre"), ("morvan", "moreau")],
)
def test_names_that_sound_apart_do_not(one: str, other: str) -> None:
    assert sound(one) != sound(other)


def test_every_name_has_a_sound() -> None:
    for word in ("h", "hh", "xxx", "eee", "nguyen", "szczepaniak", "oe"):
        assert sound(word)


LETTERS = st.lists(
    st.sampled_from(
        ["ill", "kn", "sch", "ph", "gu", "gn", "eau", "oeu", "ain", "ks", *"acdeghiknotxyz"]
    )
).map("".join)


@given(LETTERS)
def test_a_rule_of_sounds_says_rightly_what_it_needs(word: str) -> None:
    for needed, pattern, replacement in RULES:
        assert needed in word or pattern.sub(replacement, word) == word


@given(st.text("aZ9é-'. ", max_size=8))
def test_one_plain_word_is_read_as_among_others(text: str) -> None:
    assert words(text) == [word for word in words(f"{text} .") if word]
    assert words(f"{text}-{text}")[: len(words(text))] == words(text)


def test_a_short_form_stands_for_several_names_that_stay_apart() -> None:
    assert roots_of("caro") & roots_of("caroline")
    assert roots_of("caro") & roots_of("carole")
    assert not roots_of("caroline") & roots_of("carole")

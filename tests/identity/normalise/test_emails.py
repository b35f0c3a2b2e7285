"""E-mail addresses: one mailbox in many writings, and never two mailboxes in one."""

import pytest

from rcu.identity.normalise.emails import is_placeholder_email, normalise_email


@pytest.mark.parametrize(
    "written",
    [
        "lou.kervella@gmail.com",
        " Lou.Kervella@GMAIL.com ",
        "loukervella+soldes@gmail.com",
        "l.o.u.kervella@googlemail.com",
        "lou.ker\u200bvella@gmail.com",
        "<lou.kervella@gmail.com>",
        "mailto:lou.kervella@gmail.com",
    ],
)
def test_gmail_ignores_dots_and_plus_tags(written: str) -> None:
    assert normalise_email(written) == "loukervella@gmail.com"


def test_dots_and_plus_tags_stay_where_the_provider_minds_them() -> None:
    assert normalise_email("lou.kervella@orange.fr") == "lou.kervella@orange.fr"
    assert normalise_email("lou+a@orange.fr") == "lou+a@orange.fr"
    assert normalise_email("lou.k+a@outlook.fr") == "lou.k@outlook.fr"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jack@orange.fr", "jac\u212a@orange.fr"),  # Kelvin sign
        ("lili@orange.fr", "l\u0131li@orange.fr"),  # dotless i
        ("paul@orange.fr", "p\u0430ul@orange.fr"),  # Cyrillic a
        ("ines@orange.fr", "inès@orange.fr"),
        ("lou.morvan@orange.fr", "lou.morvam@orange.fr"),
    ],
)
def test_look_alike_letters_stay_two_mailboxes(one: str, other: str) -> None:
    assert normalise_email(one) != normalise_email(other)


def test_letters_composed_or_not_and_in_capitals_are_one_mailbox() -> None:
    assert normalise_email("inès@orange.fr") == normalise_email("ine\u0300s@orange.fr")
    assert normalise_email("INÈS@orange.fr") == normalise_email("inès@orange.fr")


def test_a_domain_is_kept_in_ascii() -> None:
    assert normalise_email("lou@Café.fr") == "lou@xn--caf-dma.fr"


@pytest.mark.parametrize(
    "written",
    ["", "@", "lou", "lou@", "@orange.fr", "lou@orange", "l ou@orange.fr", "a@b@", "l..o@x.fr"],
)
def test_what_is_no_address_gives_none(written: str) -> None:
    assert normalise_email(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "client@magasin.fr",
        "noreply@orange.fr",
        "no-reply@boutique.fr",
        "test@gmail.com",
        "aucun@aucun.fr",
        "sansmail@gmail.com",
        "magasin042@enseigne.fr",
        "xxxx@gmail.com",
        "lou@pasdemail.fr",
    ],
)
def test_fillers_are_nobodys_mailbox(written: str) -> None:
    address = normalise_email(written)

    assert address is not None
    assert is_placeholder_email(address)


@pytest.mark.parametrize("written", ["lou.testard@free.fr", "clientine@free.fr", "al@free.fr"])
def test_a_persons_mailbox_is_no_filler(written: str) -> None:
    assert not is_placeholder_email(written)

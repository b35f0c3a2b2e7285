"""Records of a crowd as retail files show it: the people of `bench.people`, with their noise.

Four sources know each person. On what they know (`bench.people.profile`) comes what makes records
hard to tell apart or to put together: typing errors, half and swapped names, married names,
diminutives, e-mails and phones of a household, moved houses, missing and vague dates. A third of
the people bear given names that few bear, so that two people share one as often as two people do
in France (one pair in two hundred). Everything is a function of person and source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from bench.people import profile
from rcu.demo.names import DIMINUTIVES

SOURCES: Final = {"pos": "pos", "eshop": "ecommerce", "app": "app", "loyalty": "loyalty"}
"""Code and kind of the sources that know everybody."""
WIRE: Final = frozenset({"message_id", "external_id", "occurred_at"})
"""What a message says beside the person."""

_RARE_GIVEN_NAMES = 3_000
_BEARS_A_RARE_ONE = 0.35
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ONSETS = ("b", "c", "d", "f", "g", "j", "k", "l", "m", "n", "r", "s", "t", "v", "y", "z")
_MIDDLES = ("a", "e", "i", "o", "ia", "oa", "ae", "iou")
_ENDINGS = ("l", "n", "ne", "s", "ra", "lie", "mi", "na", "ric", "than", "do", "ssa")

Noise = Callable[[dict[str, Any], Random, int], None]


def messages(records: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `records` records as `(source, profile message)`, person after person."""
    codes = tuple(SOURCES)
    for number in range(records):
        source = codes[number % len(codes)]
        yield source, message(number // len(codes), source=source)


def message(number: int, *, source: str) -> dict[str, Any]:
    """Return the profile message of person `number` from one source, with its noise."""
    said = profile(number, source=source)
    own = Random(f"noise:{source}:{number}")
    if Random(f"given:{number}").random() < _BEARS_A_RARE_ONE:
        said["given_name"] = _rare_given_name(Random(f"name:{number}"))
    for share, noise in _NOISE:
        if own.random() < share:
            noise(said, own, number)
    return said


def _rare_given_name(random: Random) -> str:
    # The square of a uniform number: some of the rare names are rarer than others.
    rank = int(random.random() ** 2 * _RARE_GIVEN_NAMES)
    own = Random(rank)
    middle = own.choice(_MIDDLES) + own.choice(_ONSETS) + own.choice(_MIDDLES)
    return (own.choice(_ONSETS) + middle + own.choice(_ENDINGS)).capitalize()


def _typing_error(word: str, random: Random) -> str:
    at = random.randrange(1, len(word)) if len(word) > 1 else 0
    way = random.randrange(3)
    if way == 0:
        return word[:at] + word[at + 1 :]
    if way == 1:
        return word[:at] + random.choice(_LETTERS) + word[at + 1 :]
    return word[: at - 1] + word[at : at + 1] + word[at - 1 : at] + word[at + 1 :]


def _mistyped(name: str) -> Noise:
    def noise(said: dict[str, Any], random: Random, _: int) -> None:
        said[name] = _typing_error(said[name], random)

    return noise


def _swapped(said: dict[str, Any], _: Random, __: int) -> None:
    said["given_name"], said["family_name"] = said["family_name"], said["given_name"]


def _initial(said: dict[str, Any], _: Random, __: int) -> None:
    said["given_name"] = said["given_name"][0]


def _diminutive(said: dict[str, Any], _: Random, __: int) -> None:
    said["given_name"] = DIMINUTIVES.get(said["given_name"], said["given_name"])


def _half_a_name(said: dict[str, Any], _: Random, __: int) -> None:
    said["given_name"] = said["given_name"].split("-")[0]


def _married(said: dict[str, Any], _: Random, number: int) -> None:
    if said.get("title") == "Mme":
        said["birth_name"] = said["family_name"]
        said["family_name"] = profile(number + 2, source="married")["family_name"]


def _first_of_january(said: dict[str, Any], _: Random, __: int) -> None:
    if "birth_date" in said:
        said["birth_date"] = said["birth_date"][:4] + "-01-01"


def _wrong_day(said: dict[str, Any], random: Random, _: int) -> None:
    if "birth_date" in said:
        said["birth_date"] = f"{said['birth_date'][:8]}{1 + random.randrange(28):02d}"


def _of_the_household(kind: str) -> Noise:
    def noise(said: dict[str, Any], _: Random, number: int) -> None:
        theirs = profile(number ^ 1, source="household").get(kind)
        if theirs:
            said[kind] = theirs

    return noise


def _wrong_digit(kind: str) -> Noise:
    def noise(said: dict[str, Any], random: Random, _: int) -> None:
        for item in said.get(kind, ()):
            value = item["value"]
            at = random.randrange(4, len(value))
            item["value"] = f"{value[:at]}{random.randrange(10)}{value[at + 1 :]}"

    return noise


def _mistyped_email(said: dict[str, Any], random: Random, _: int) -> None:
    for item in said.get("emails", ()):
        local, _at, domain = item["value"].rpartition("@")
        item["value"] = f"{local}@{_typing_error(domain, random)}"


def _without(*kinds: str) -> Noise:
    def noise(said: dict[str, Any], _: Random, __: int) -> None:
        for kind in kinds:
            said.pop(kind, None)

    return noise


def _moved(said: dict[str, Any], random: Random, _: int) -> None:
    elsewhere = profile(random.randrange(10**6), source="pos").get("addresses")
    if elsewhere and "addresses" in said:
        said["addresses"] = elsewhere


_NOISE: Final[tuple[tuple[float, Noise], ...]] = (
    (0.05, _married),
    (0.02, _diminutive),
    (0.02, _half_a_name),
    (0.02, _mistyped("given_name")),
    (0.03, _mistyped("family_name")),
    (0.01, _swapped),
    (0.015, _initial),
    (0.02, _first_of_january),
    (0.01, _wrong_day),
    (0.04, _of_the_household("emails")),
    (0.04, _of_the_household("phones")),
    (0.01, _wrong_digit("phones")),
    (0.005, _wrong_digit("cards")),
    (0.005, _mistyped_email),
    (0.06, _moved),
    (0.05, _without("emails", "phones", "cards")),
    (0.03, _without("birth_date", "addresses")),
)

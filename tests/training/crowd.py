"""An invented crowd, with the errors of real files and the truth beside it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from rcu.evaluation import Evaluation, evaluate
from rcu.identity.features import Features, describe
from rcu.identity.in_memory import resolve
from rcu.identity.model import Model
from rcu.identity.person import Person, PostalAddress

_SYLLABLES = [
    *("bra", "del", "fon", "gui", "hul", "jor", "kar", "lem"),
    *("mar", "nov", "pel", "quin", "ros", "tal", "vau", "zel"),
]
_STREETS = ["Lilas", "Tilleuls", "Moulins", "Canaux", "Vergers", "Halles", "Forges", "Remparts"]


@dataclass(frozen=True)
class Crowd:
    """Records and the person that each is."""

    records: dict[str, Features]
    truth: dict[str, int]

    def measure(self, model: Model) -> Evaluation:
        """Return how well a model puts the records together."""
        clients = resolve(self.records, model)
        assigned = {key: i for i, client in enumerate(clients) for key in client}
        return evaluate(assigned, self.truth)


def crowd(people: int, *, seed: int = 7, households: bool = False, wrong: float = 0.1) -> Crowd:
    """Return about two records of each of `people`, a share `wrong` of their values mistyped.

    In `households`, two people in a row have one family name and one address.
    """
    dice = Random(seed)  # noqa: S311 - invents people, not secrets
    records: dict[str, Features] = {}
    truth: dict[str, int] = {}
    home = ("", "")
    for number in range(people):
        if not households or number % 2 == 0:
            home = (_name(dice, 3), f"{dice.randrange(1, 99)} rue des {dice.choice(_STREETS)}")
        given, born = _name(dice, 2), _day(dice)
        for _ in range(dice.choice([1, 2, 2, 3])):
            key = f"R{len(records):05d}"
            truth[key] = number
            records[key] = describe(
                Person(
                    given_name=_replaced(given, dice, wrong),
                    family_name=_mistyped(home[0], dice, wrong),
                    birth_date=_day(dice) if dice.random() < wrong else born,
                    addresses=(PostalAddress((home[1],), f"{59000 + number // 4}", "Lille"),),
                )
            )
    return Crowd(records, truth)


def _name(dice: Random, syllables: int) -> str:
    return "".join(dice.choice(_SYLLABLES) for _ in range(syllables)).capitalize()


def _day(dice: Random) -> str:
    return f"{dice.randrange(1940, 2005)}-{dice.randrange(2, 13):02}-{dice.randrange(2, 28):02}"


def _mistyped(name: str, dice: Random, wrong: float) -> str:
    if dice.random() >= wrong:
        return name
    at = dice.randrange(1, len(name))
    return name[:at] + dice.choice("aeiou") + name[at + 1 :]


def _replaced(name: str, dice: Random, wrong: float) -> str:
    return _name(dice, 2) if dice.random() < wrong / 2 else _mistyped(name, dice, wrong)

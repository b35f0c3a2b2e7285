"""How common values are among the records, leaning on the shipped tables where these say more."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import exp, log

from rapidfuzz.distance import OSA

from rcu.identity.features import Features
from rcu.identity.model import FrequencyTable
from rcu.identity.normalise.names import facets
from rcu.training.shrinkage import rounded, shrunk

PRIOR_CLIENTS = 1_000.0
"""A shipped frequency counts for as much as this many clients."""
LISTED_CLIENTS = 5
"""A value that fewer clients bear is not listed: a table is read for every pair, and stays short.

The table of given names also says which names are common enough to be no typing error of one
another: those it lists, but for the slips among them.
"""
LISTED_SHARE = 1e-4
SLIP_RATIO = 8
"""A value near another that is so many times as common is a slip of it.

A scanner makes the same mistake again and again: `5usan` beside `susan` is no name of its own. How
often it makes it counts as for any other value, or those who share it would seem to share a rarity.
"""
SLIP_ERRORS = 2
"""The most errors between a slip and its name: what a comparison takes for a typing error."""


_Values = Callable[[Iterable[Features]], set[str]]


def learn_frequencies(
    clients: Sequence[Sequence[Features]], held: dict[str, FrequencyTable]
) -> dict[str, FrequencyTable]:
    """Return the tables of given names, family names and cities after seeing `clients`.

    `clients` holds each client's records: a value counts once a client, however many records
    say it. A table that the records say nothing of stays as it is, as do tables of other names.
    """
    return held | {
        name: _learn(_Census.of(clients, values), held[name])
        for name, values in _VALUES.items()
        if name in held
    }


def frequencies_as_met(
    records: Iterable[Features], held: dict[str, FrequencyTable]
) -> dict[str, FrequencyTable]:
    """Return the tables after seeing records of which nobody is matched yet.

    Those of one whole name count once, so that who has many records does not make a name common,
    and a name is as common as those who bear it beside another are many.
    """
    namesakes: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Features]] = {}
    for record in records:
        namesakes.setdefault((record.given_name, record.family_name), []).append(record)
    return learn_frequencies(list(namesakes.values()), held)


def chance_of_one_given_name(records: Collection[Features]) -> float:
    """Return how often two records bear one given name: few pairs are of one person."""
    counts = Counter(chain.from_iterable(_given_names([record]) for record in records))
    total = counts.total()
    pairs = sum(n * (n - 1) for n in counts.values())
    return pairs / (total * (total - 1)) if total > 1 else 0.0


def _given_names(client: Iterable[Features]) -> set[str]:
    return {facets(record.given_name).joined for record in client if _is_word(record.given_name)}


def _family_names(client: Iterable[Features]) -> set[str]:
    return {facets(record.family_name).core_joined for record in client if record.family_name}


def _cities(client: Iterable[Features]) -> set[str]:
    return {address.city for record in client for address in record.addresses if address.city}


def _is_word(name: tuple[str, ...]) -> bool:
    return bool(name) and not facets(name).initials


_VALUES = {"given_name": _given_names, "family_name": _family_names, "city": _cities}


@dataclass(frozen=True, slots=True)
class _Census:
    """How many clients bear a value, and what the other records of its bearers say."""

    clients: Counter[str]
    again: Counter[str]
    """By value, the pairs of one client's records that both say it."""
    beside: Mapping[str, Counter[str]]
    """By value, how often another record of the client says which other value."""

    @classmethod
    def of(cls, clients: Iterable[Iterable[Features]], values: _Values) -> _Census:
        """Count the values of each client's records."""
        bearers, again = Counter[str](), Counter[str]()
        beside: dict[str, Counter[str]] = defaultdict(Counter)
        for records in clients:
            said = Counter(chain.from_iterable(values([record]) for record in records))
            bearers.update(said.keys())
            for value, n in said.items():
                again[value] += n * (n - 1) // 2
                if len(said) > 1:
                    beside[value].update({x: n * m for x, m in said.items() if x != value})
        return cls(bearers, again, beside)

    def is_slip(self, value: str) -> bool:
        """Tell whether a value is no name of its own but a more common one gone wrong.

        The bearers of a name are called so by their other records as well; those of a slip go by
        the name meant. Where no bearer has another record, only how rare it is can tell.
        """
        again, bearers = self.again[value], self.clients[value]
        beside = self.beside.get(value, Counter[str]())
        return any(
            _are_near(value, other, errors=SLIP_ERRORS)
            for other, n in beside.items()
            if n > again and (self.again[other], self.clients[other]) > (again, bearers)
        ) or any(
            _are_near(value, other, errors=1)
            for other, n in self.clients.items()
            if n >= SLIP_RATIO * bearers
        )


def _are_near(x: str, y: str, *, errors: int) -> bool:
    return OSA.distance(x, y, score_cutoff=errors) <= errors


def _learn(census: _Census, held: FrequencyTable) -> FrequencyTable:
    counts = census.clients
    total = counts.total()
    if not total:
        return held
    common = {
        value
        for value, n in counts.items()
        if n >= LISTED_CLIENTS and n / total >= LISTED_SHARE and value not in held.values
    }
    listed = common | held.values.keys()
    values = {value: _frequency(counts[value], total, held, value) for value in sorted(listed)}
    agreeing = sum(n * (n - 1) / 2 for n in counts.values())
    return FrequencyTable(
        note=f"{held.note} Learned from {total} clients.".strip(),
        average=shrunk(agreeing, total * (total - 1) / 2, held.average),
        default=_default(counts, held, listed),
        values=values,
        slips=held.slips | {value for value in common if census.is_slip(value)},
    )


def _frequency(count: int, total: int, held: FrequencyTable, value: str) -> float:
    before = held.values.get(value, held.default)
    return rounded((count + PRIOR_CLIENTS * before) / (total + PRIOR_CLIENTS))


def _default(counts: Counter[str], held: FrequencyTable, listed: set[str]) -> float:
    """Return the frequency of a value that is not listed, between the counted and the held one.

    Counted after Good and Turing: among values seen once, the chance to meet one again follows
    from how many were seen twice, and is far below 1 / n where names are many.
    """
    total = counts.total()
    rare = Counter(n for value, n in counts.items() if value not in listed)
    if not rare:
        return held.default
    counted = min(2 * (rare[2] + 0.5) / (rare[1] + 1), 1.0) / total
    share = total / (total + PRIOR_CLIENTS)
    return rounded(min(exp(share * log(counted) + (1 - share) * log(held.default)), 0.5))

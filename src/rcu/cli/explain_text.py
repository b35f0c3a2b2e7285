"""Explanations as text: waterfalls of bars, and lists of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rcu.clients.explain_answers import (
    Arrival,
    BindingJudgement,
    ExplainedPair,
    How,
    Join,
    PairSeen,
    RecordSeen,
    RefusedLink,
    Why,
    WhyNot,
)
from rcu.clients.matching import MatchedProfile
from rcu.identity.explanation import PairExplanation, Step
from rcu.identity.tipping import Tip
from rcu.identity.wording import (
    GUARDS,
    Language,
    Sentence,
    attribute_name,
    bits,
    percentage,
)

BAR_WIDTH: Final = 32
_PAIRS_SHOWN: Final = 5

_HEADS: Final = {
    "model": Sentence("model", "modèle"),
    "evidence": Sentence("evidence", "indice"),
    "counted": Sentence("counted", "compté"),
    "sum": Sentence("sum", "somme"),
    "values": Sentence("values", "valeurs"),
    "total": Sentence("match weight", "poids total"),
    "link": Sentence("line of a link", "seuil de rapprochement"),
    "pairs": Sentence("Other pairs, strongest first", "Autres paires, de la plus forte"),
    "path": Sentence("Tied by", "Reliées par"),
    "refused": Sentence("Links refused", "Rapprochements refusés"),
    "judgements": Sentence("Judgements that bind", "Jugements en vigueur"),
    "tips": Sentence("What would have tipped it", "Ce qui aurait fait pencher la balance"),
    "no_tip": Sentence(
        "No three changes would have been enough.", "Trois changements n'y auraient pas suffi."
    ),
    "hindrance": Sentence("Would still be refused", "Resterait refusé"),
    "by_evidence": Sentence("By evidence", "Par la force des indices"),
    "by_time": Sentence("In time", "Dans le temps"),
    "judgement": Sentence("by judgement", "par jugement"),
    "stale": Sentence(
        "Formed anew today, the clients would differ from what is stored.",
        "Reformés aujourd'hui, les clients différeraient de ce qui est enregistré.",
    ),
    "unseen": Sentence(
        "The two records share no key by which they would find each other.",
        "Les deux fiches ne partagent aucune clé par laquelle elles se trouveraient.",
    ),
    "client": Sentence("Client", "Client"),
    "would_join": Sentence("Would join client", "Rejoindrait le client"),
    "is_new": Sentence("Would be a client of its own", "Serait un nouveau client"),
}


def print_why(console: Console, why: Why, language: Language) -> None:
    """Print why two sides are one client, or two."""
    _say(console, why.sentence, language, style="bold")
    _print_pair(console, why.strongest, language)
    _print_warnings(console, why, language)
    _print_joins(console, "path", why.path, language)
    _print_refused(console, why.refused, language)
    _print_judgements(console, why.judgements, language)
    _print_pairs(console, why.pairs[1 : 1 + _PAIRS_SHOWN], language)


def print_why_not(console: Console, why_not: WhyNot, language: Language) -> None:
    """Print what keeps two sides apart, and what would have tipped it."""
    print_why(console, why_not.why, language)
    _print_tips(console, why_not, language)
    if why_not.hindrance is not None:
        head = _HEADS["hindrance"].in_language(language)
        said = why_not.hindrance.sentence.in_language(language)
        colon = " :" if language == "fr" else ":"
        _print_line(console, f"[bold]{head}{colon}[/] {escape(said)}.")


def print_matches(console: Console, found: MatchedProfile, language: Language) -> None:
    """Print the clients whom a profile is of, or may be, by their ids, and what speaks for each."""
    head = "would_join" if found.client_id else "is_new"
    said = _HEADS[head].in_language(language)
    _print_line(console, f"[bold]{said}{f' {found.client_id}' if found.client_id else ''}[/]")
    for one in found.clients:
        weight = bits(one.score.weight).in_language(language)
        chance = percentage(one.score.probability).in_language(language)
        levels = ", ".join(
            f"{attribute_name(item.attribute).in_language(language)} {item.level}"
            for item in one.score.evidence
        )
        _print_line(
            console, f"\n  {one.client.client_id}: {one.decision}, {weight}, {chance}\n    {levels}"
        )
        against = GUARDS[one.guard] if one.guard else None
        if one.obstacle is not None:
            against = one.obstacle.sentence
        if against is not None:
            _print_line(console, f"    {escape(against.in_language(language))}")
        if one.explanation is not None:
            console.print(waterfall(one.explanation, language))


def print_how(console: Console, how: How, language: Language) -> None:
    """Print how a client came to be."""
    head = _HEADS["client"].in_language(language)
    _print_line(console, f"[bold]{head} {how.client_id}[/]")
    if not how.is_up_to_date:
        _say(console, _HEADS["stale"], language, style="yellow")
    _print_joins(console, "by_evidence", how.by_evidence, language)
    _head(console, "by_time", language)
    for arrival in how.by_time:
        _print_line(console, f"  {_arrival(arrival, language)}")
    _print_judgements(console, how.judgements, language)


def waterfall(match: PairExplanation, language: Language) -> Table:
    """Return the steps of a pair with a bar each, from the prior to the match weight."""
    with_values = any(step.left is not None for step in match.steps)
    table = Table(box=None, pad_edge=False)
    table.add_column(_HEADS["evidence"].in_language(language))
    table.add_column("bits", justify="right")
    table.add_column(_HEADS["counted"].in_language(language), justify="right")
    table.add_column(_HEADS["sum"].in_language(language), justify="right")
    table.add_column("", min_width=BAR_WIDTH, no_wrap=True)
    if with_values:
        table.add_column(_HEADS["values"].in_language(language), overflow="fold")
    scale = Scale.of(match)
    prior = attribute_name("prior").in_language(language)
    table.add_row(prior, "", "", _number(match.prior, language), scale.bar(0, match.prior, "dim"))
    for step in match.steps:
        table.add_row(*_step_cells(step, scale, language, with_values=with_values))
    total = Text(_HEADS["total"].in_language(language), style="bold")
    weight = Text(_number(match.weight, language), style="bold")
    table.add_row(total, "", "", weight, scale.bar(0, match.weight, "bold"))
    line = _HEADS["link"].in_language(language)
    table.add_row(line, "", "", _number(match.link_weight, language), scale.mark(match.link_weight))
    return table


def _step_cells(
    step: Step, scale: Scale, language: Language, *, with_values: bool
) -> list[str | Text]:
    style = "green" if step.counted >= 0 else "red"
    cells: list[str | Text] = [
        f"{step.name.in_language(language)} ({step.level})",
        _number(step.weight, language),
        Text(_number(step.counted, language), style=style),
        _number(step.after, language),
        scale.bar(step.before, step.after, style),
    ]
    if with_values:
        sides = (", ".join(step.left or ()), ", ".join(step.right or ()))
        cells.append(Text(" | ".join(sides)))
    return cells


class Scale:
    """Bits on the width of a bar."""

    def __init__(self, lowest: float, highest: float) -> None:
        self._lowest = lowest
        self._span = (highest - lowest) or 1.0

    @classmethod
    def of(cls, match: PairExplanation) -> Scale:
        """Return the scale on which all sums of a pair, zero and the link line fit."""
        sums = [0.0, match.prior, match.link_weight, *(step.after for step in match.steps)]
        return cls(min(sums), max(sums))

    def bar(self, start: float, end: float, style: str) -> Text:
        """Return a bar from one sum to another, at least one character wide."""
        left, right = sorted((self._place(start), self._place(end)))
        return Text(" " * left + "█" * max(1, right - left), style=style)

    def mark(self, weight: float) -> Text:
        """Return a mark at one sum."""
        return Text(" " * self._place(weight) + "│", style="dim")

    def _place(self, weight: float) -> int:
        return round((weight - self._lowest) / self._span * (BAR_WIDTH - 1))


def _number(value: float, language: Language) -> str:
    return bits(value).in_language(language).split(" ", 1)[0]


def _print_line(console: Console, markup: str) -> None:
    """Print a line as it stands: no wrapping, and no `:A:` in a record's name is an emoji."""
    console.print(markup, highlight=False, soft_wrap=True, emoji=False)


def _say(console: Console, sentence: Sentence, language: Language, *, style: str = "") -> None:
    console.print(Text(sentence.in_language(language), style=style), soft_wrap=True)


def _head(console: Console, name: str, language: Language) -> None:
    _print_line(console, f"\n[bold]{_HEADS[name].in_language(language)}[/]")


def _name(record: RecordSeen) -> str:
    return escape(f"{record.source}:{record.external_id}")


def _print_pair(console: Console, pair: ExplainedPair, language: Language) -> None:
    _print_line(console, f"\n{_name(pair.left)}  -  {_name(pair.right)}\n")
    console.print(waterfall(pair.match, language))
    for shared in pair.match.shared:
        _say(console, shared.sentence, language)


def _print_warnings(console: Console, why: Why, language: Language) -> None:
    if not why.is_up_to_date:
        _say(console, _HEADS["stale"], language, style="yellow")
    if not why.together and not why.are_candidates:
        _say(console, _HEADS["unseen"], language, style="yellow")


def _print_joins(console: Console, head: str, joins: Sequence[Join], language: Language) -> None:
    if not joins:
        return
    _head(console, head, language)
    for join in joins:
        by = (
            _HEADS["judgement"].in_language(language)
            if join.match is None or join.by == "judgement"
            else bits(join.match.weight).in_language(language)
        )
        _print_line(
            console,
            f"  {join.number}. {_name(join.left)} ({join.left_size}) + "
            f"{_name(join.right)} ({join.right_size}): {by}",
        )


def _print_refused(console: Console, refused: Sequence[RefusedLink], language: Language) -> None:
    if not refused:
        return
    _head(console, "refused", language)
    for link in refused:
        weight = bits(link.weight).in_language(language)
        said = escape(link.hindrance.sentence.in_language(language))
        between = link.hindrance.between
        whom = "" if between is None else f" ({_name(between[0])}, {_name(between[1])})"
        _print_line(
            console,
            f"  {_name(link.left)} - {_name(link.right)}, {weight}: {said}{whom}",
        )


def _print_judgements(
    console: Console, judgements: Sequence[BindingJudgement], language: Language
) -> None:
    if not judgements:
        return
    _head(console, "judgements", language)
    for judged in judgements:
        _print_line(
            console,
            f"  {_name(judged.left)} - {_name(judged.right)}: {judged.verdict}, "
            f"{judged.made_at:%Y-%m-%d}, {escape(judged.author)}: {escape(judged.reason)}",
        )


def _print_pairs(console: Console, pairs: Sequence[PairSeen], language: Language) -> None:
    if not pairs:
        return
    _head(console, "pairs", language)
    for pair in pairs:
        weight = bits(pair.weight).in_language(language)
        _print_line(
            console,
            f"  {_name(pair.left)} - {_name(pair.right)}: {weight}, {pair.decision}",
        )


def _print_tips(console: Console, why_not: WhyNot, language: Language) -> None:
    if why_not.why.strongest.match.decision == "link":
        return
    _head(console, "tips", language)
    if not why_not.tips:
        _say(console, _HEADS["no_tip"], language)
    for tip in why_not.tips:
        _print_line(console, f"  - {escape(_tip(tip, language))}")


def _tip(tip: Tip, language: Language) -> str:
    return tip.sentence.in_language(language)


def _arrival(arrival: Arrival, language: Language) -> str:
    when = f"{arrival.at:%Y-%m-%d %H:%M}"
    said = escape(arrival.sentence.in_language(language))
    if arrival.record is None:
        who = escape(": ".join(filter(None, (arrival.actor, arrival.reason))))
        return f"{when}  {arrival.other_client_id} > {arrival.client_id}  {said}. {who}"
    tie = ""
    if arrival.match is not None:
        weight = bits(arrival.match.match.weight).in_language(language)
        tie = f" {_name(arrival.match.left)}: {weight}."
    return f"{when}  {_name(arrival.record)}  {said}.{tie}"

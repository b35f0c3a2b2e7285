"""`rcu report attach-rate`: the share of tickets that is attached, as table, CSV, JSON or chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from rcu.analytics.attach_rate_dimensions import Dimension
from rcu.cli.running import ExitCode, fail, load_settings, run_with_database, stderr, stdout
from rcu.db.engine import Database
from rcu.errors import RcuError

if TYPE_CHECKING:
    from rcu.analytics.attach_rate_figures import AttachRate, Question
    from rcu.analytics.attach_rate_schemas import AttachRateRead, FiguresRead

_DAY = ["%Y-%m-%d"]
_FILES: Final = frozenset({".csv", ".json", ".svg", ".png"})


class ReportQuestionError(RcuError):
    """What is asked for makes no sense."""

    status = 422
    code = "report_question"


def attach_rate(  # noqa: PLR0913 - a word for each part of the question
    *,
    from_on: Annotated[
        datetime | None,
        typer.Option("--from", formats=_DAY, help="First business day; the month's by default."),
    ] = None,
    to_on: Annotated[
        datetime | None, typer.Option("--to", formats=_DAY, help="Last business day; today.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="What was known at this time (ISO 8601); the default time zone's."),
    ] = None,
    group_by: Annotated[
        list[Dimension] | None, typer.Option("--group-by", "-g", help="Repeat it for several.")
    ] = None,
    store: Annotated[list[str] | None, typer.Option(help="Of this store; repeatable.")] = None,
    till: Annotated[list[str] | None, typer.Option(help="Of this till; repeatable.")] = None,
    cashier: Annotated[list[str] | None, typer.Option(help="Of this cashier; repeatable.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Of this channel; repeatable.")] = None,
    kind: Annotated[Literal["sale", "return"], typer.Option(help="What is counted.")] = "sale",
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="Write a file instead: .csv, .json, or a chart: .svg, .png ('rcu\\[charts]').",
        ),
    ] = None,
    recount: Annotated[
        bool, typer.Option("--recount", help="Count every ticket anew first; say what was wrong.")
    ] = False,
) -> None:
    """Say which share of the tickets is attached to a known client, and what was missed.

    At the sale and as known now, by number and by amount. For example the stores this month:
    rcu report attach-rate -g store -o stores.svg
    """
    settings = load_settings()
    for path in output or ():
        if path.suffix.lower() not in _FILES:
            raise _refused(f"{path} ends in none of {', '.join(sorted(_FILES))}.")
    question = _question(
        _period(from_on, to_on, today=datetime.now(ZoneInfo(settings.default_timezone)).date()),
        _moment(as_of, settings.default_timezone),
        group_by or (),
        {"store": store, "till": till, "cashier": cashier, "channel": channel},
        kind,
    )

    async def read(database: Database) -> tuple[AttachRate, str]:
        from rcu.analytics import attach_rate_rollups
        from rcu.analytics.attach_rate_figures import find_attach_rate, find_days

        if recount:
            wrong = await attach_rate_rollups.recount(database, timezone=settings.default_timezone)
            stderr.print(f"Counted anew: {wrong} figures were wrong.", highlight=False)
        else:
            await attach_rate_rollups.fold(database, timezone=settings.default_timezone)
        answer = await find_attach_rate(database, question)
        if answer.totals.tickets:
            return answer, ""
        return answer, _told_of_none(question, await find_days(database, question.kind))

    answer, none = run_with_database(read, settings=settings)
    found = _read(question, answer)
    for path in output or ():
        path.write_bytes(_file(found, path.suffix.lower()))
        stderr.print(f"{path} written.", markup=False, highlight=False, soft_wrap=True)
    if not output:
        _show(found)
    if none:
        stderr.print(none, soft_wrap=True, highlight=False)


def _refused(sentence: str) -> typer.Exit:
    fail(ReportQuestionError(sentence))
    return typer.Exit(ExitCode.USAGE)


def _period(from_on: datetime | None, to_on: datetime | None, *, today: date) -> tuple[date, date]:
    last = to_on.date() if to_on else today
    first = from_on.date() if from_on else last.replace(day=1)
    if last < first:
        raise _refused("--to is before --from." if to_on else "--from is a day to come: say --to.")
    return first, last


def _told_of_none(question: Question, days: tuple[date, date] | None) -> str:
    """Say where there are tickets, when the question is about none."""
    if days is None:
        return f"No {question.kind} has been received yet."
    asked = " that fits the filters" if question.only else ""
    known = " With --as-of, only those count that had been received by then."
    return (
        f"No {question.kind}{asked} from {question.first} to {question.last}. "
        f"In all, there are some from {days[0]} to {days[1]}: ask with --from and --to."
        f"{known if question.as_of else ''}"
    )


def _moment(written: str | None, timezone: str) -> datetime | None:
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(timezone))
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _refused("--as-of is no time such as 2026-11-22T18:00.") from None
    if moment > datetime.now(UTC):
        raise _refused("--as-of is a time that has not come yet.")
    return moment


def _question(
    period: tuple[date, date],
    as_of: datetime | None,
    group_by: Sequence[Dimension],
    only: dict[str, list[str] | None],
    kind: str,
) -> Question:
    from rcu.analytics.attach_rate_figures import Question

    return Question(
        first=period[0],
        last=period[1],
        as_of=as_of,
        kind=kind,
        group_by=tuple(dict.fromkeys(group_by)),
        only={Dimension(name): values for name, values in only.items() if values},
    )


def _read(question: Question, answer: AttachRate) -> AttachRateRead:
    from rcu.analytics.attach_rate_definitions import VERSION
    from rcu.analytics.attach_rate_schemas import AttachRateRead

    return AttachRateRead.of(question, answer, definitions=VERSION)


def _file(found: AttachRateRead, suffix: str) -> bytes:
    from rcu.analytics.attach_rate_report import as_csv, chart
    from rcu.clients.explain_chart import draw

    if suffix == ".csv":
        return as_csv(found).encode()
    if suffix == ".json":
        return found.model_dump_json(by_alias=True, indent=2).encode() + b"\n"
    return draw(chart(found), "svg" if suffix == ".svg" else "png")


def _show(found: AttachRateRead) -> None:
    from rcu.analytics.attach_rate_report import rows_of

    as_of = f", as known at {found.as_of.isoformat()}" if found.as_of else ""
    headings = ("Tickets", "At sale", "Now", "By amount at sale", "Now", "Missed", "Accounts")
    stdout.print(f"Attach rate, {found.from_} to {found.to}{as_of}", highlight=False)
    table = Table(*found.group_by)
    for heading in headings:
        table.add_column(heading, justify="right")
    for group, figures in rows_of(found):
        values = ("none" if value is None else escape(str(value)) for value in group.values())
        table.add_row(*values, *_cells(figures))
    if found.group_by:
        table.add_section()
        table.add_row("all", *[""] * (len(found.group_by) - 1), *_cells(found.totals))
    stdout.print(table)
    reasons = found.totals.missed_by_reason
    told = ", ".join(f"{name} {number}" for name, number in reasons.items() if number)
    stdout.print(
        f"Missed recognitions: {found.totals.missed}{f' ({told})' if told else ''}. "
        f"Definitions: version {found.definitions}.",
        soft_wrap=True,
        highlight=False,
    )


def _cells(figures: FiguresRead) -> tuple[str, ...]:
    return (
        f"{figures.tickets:,}",
        _percent(figures.rate_at_sale),
        _percent(figures.rate_now),
        _by_amount(figures, "rate_at_sale"),
        _by_amount(figures, "rate_now"),
        f"{figures.missed:,}",
        f"{figures.accounts_opened:,}",
    )


def _by_amount(figures: FiguresRead, name: Literal["rate_at_sale", "rate_now"]) -> str:
    """Return the rate by amount: the only one, or that of each currency."""
    rates = [(amounts.currency, getattr(amounts, name)) for amounts in figures.amounts]
    if len(rates) == 1:
        return _percent(rates[0][1])
    return "\n".join(f"{currency} {_percent(rate)}" for currency, rate in rates)


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.1%}"

"""`rcu why`, `rcu why-not`, `rcu how`: explanations, as text, JSON or a chart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar
from uuid import UUID

import typer

from rcu.cli.running import ExitCode, fail, run_with_database, stderr, stdout
from rcu.errors import RcuError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from rcu.clients.explain_answers import Asking, Reference
    from rcu.db.engine import Database
    from rcu.identity.explanation import PairExplanation

T = TypeVar("T")

LanguageOption = Annotated[
    Literal["en", "fr"], typer.Option("--language", "-l", help="Language of the sentences.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
ValuesOption = Annotated[
    bool, typer.Option("--values", help="Show the values compared. They are personal data.")
]
ChartOption = Annotated[
    Path | None,
    typer.Option(
        "--chart",
        metavar="FILE",
        help="Write the waterfall: .json (Vega-Lite), .svg or .png (needs 'rcu\\[charts]').",
    ),
]
_NAMED = "A client id, or a record as SOURCE:ID."
SideArgument = Annotated[str, typer.Argument(help=_NAMED, show_default=False)]


class NotASideError(RcuError):
    """What was named is neither a client id nor a record."""

    code = "not_a_side"

    def __init__(self) -> None:
        super().__init__("Name a client by its id, or a record as SOURCE:ID, such as pos:4711.")


class ChartFormatError(RcuError):
    """The name of the chart's file ends in none of the formats."""

    code = "chart_format"

    def __init__(self) -> None:
        super().__init__("Name a chart file that ends in .json, .svg or .png.")


def why(
    left: SideArgument,
    right: SideArgument,
    *,
    language: LanguageOption = "en",
    json: JsonOption = False,
    values: ValuesOption = False,
    chart: ChartOption = None,
) -> None:
    """Explain why two records, two clients, or a record and its client, are one or are not."""
    from rcu.cli.explain_text import print_why
    from rcu.clients import explain
    from rcu.clients.explain_schemas import WhyRead

    one, two = _side(left), _side(right)
    image_format = _chart_format(chart)
    found = _ask(lambda session, asking: explain.why(session, one, two, asking), values=values)
    if json:
        typer.echo(WhyRead.model_validate(found).model_dump_json())
    else:
        print_why(stdout, found, language)
    _write_chart(found.strongest.match, chart, image_format, language)


def why_not(
    left: SideArgument,
    right: SideArgument,
    *,
    language: LanguageOption = "en",
    json: JsonOption = False,
    values: ValuesOption = False,
    chart: ChartOption = None,
) -> None:
    """Explain why two sides are two clients: what came nearest, and what would have tipped it."""
    from rcu.cli.explain_text import print_why_not
    from rcu.clients import explain
    from rcu.clients.explain_schemas import WhyNotRead

    one, two = _side(left), _side(right)
    image_format = _chart_format(chart)
    found = _ask(lambda session, asking: explain.why_not(session, one, two, asking), values=values)
    if json:
        typer.echo(WhyNotRead.model_validate(found).model_dump_json())
    else:
        print_why_not(stdout, found, language)
    _write_chart(found.why.strongest.match, chart, image_format, language)


def how(
    client: SideArgument,
    *,
    language: LanguageOption = "en",
    json: JsonOption = False,
    values: ValuesOption = False,
) -> None:
    """Explain how a client came to be: by the strength of the evidence, and in time."""
    from rcu.cli.explain_text import print_how
    from rcu.clients import explain_how
    from rcu.clients.explain_schemas import HowRead

    named = _side(client)
    found = _ask(lambda session, asking: explain_how.how(session, named, asking), values=values)
    if json:
        typer.echo(HowRead.model_validate(found).model_dump_json())
    else:
        print_how(stdout, found, language)


def _side(named: str) -> Reference:
    from rcu.clients.explain_answers import ClientReference, RecordReference

    source, colon, external_id = named.partition(":")
    if colon and source and external_id:
        return RecordReference(source, external_id)
    try:
        return ClientReference(UUID(named))
    except ValueError:
        fail(NotASideError())
        raise typer.Exit(ExitCode.USAGE) from None


def _ask(question: Callable[[AsyncSession, Asking], Awaitable[T]], *, values: bool) -> T:
    from rcu.clients.explain_answers import Asking
    from rcu.identity.active_model import read_active_model

    async def work(database: Database) -> T:
        asking = Asking(await read_active_model(database), with_values=values)
        return await database.run(lambda session: question(session, asking))

    return run_with_database(work)


def _chart_format(path: Path | None) -> str | None:
    """Return the format of the chart, before anything is read."""
    if path is None:
        return None
    image_format = path.suffix.lower().removeprefix(".")
    if image_format not in {"json", "svg", "png"}:
        fail(ChartFormatError())
        raise typer.Exit(ExitCode.USAGE)
    return image_format


def _write_chart(
    match: PairExplanation,
    path: Path | None,
    image_format: str | None,
    language: Literal["en", "fr"],
) -> None:
    from rcu.clients.explain_chart import as_json, draw, waterfall

    if path is None:
        return
    chart = waterfall(match, language)
    drawn = (
        as_json(chart)
        if image_format == "json"
        else draw(chart, "svg" if image_format == "svg" else "png")
    )
    path.write_bytes(drawn)
    stderr.print(f"Chart written to {path}.", markup=False, highlight=False)

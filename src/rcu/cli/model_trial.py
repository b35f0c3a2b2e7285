"""`rcu model trial` and `rcu model lines`: what a model would change, before it decides."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from rcu.cli.explain import LanguageOption
from rcu.cli.model_versions import ACTOR, EngineOption, MasterOption, WorkBar
from rcu.cli.resolve import EngineName, open_engine
from rcu.cli.running import ExitCode, load_settings, run_with_database, stderr, stdout

if TYPE_CHECKING:
    from rcu.bulk.trials import KeptLine, KeptTrial, NamedRecord
    from rcu.db.engine import Database

_LOOK_SECONDS = 0.5

_WORDS = {
    "gained": ("Would be joined", "Seraient rapprochés"),
    "lost": ("Would be separated", "Seraient séparés"),
    "tickets": ("tickets", "tickets"),
    "before": ("before", "avant"),
    "after": ("after", "après"),
    "attribute": ("Attribute", "Attribut"),
    "sum": ("Sum with the prior", "Somme, a priori compris"),
    "link": ("link", "même personne"),
    "review": ("review", "à examiner"),
    "apart": ("apart", "séparés"),
}


def trial(
    version: Annotated[str, typer.Argument(help="A version kept in the database.")],
    *,
    background: Annotated[
        bool, typer.Option("--background", help="Leave it to the service; print its id only.")
    ] = False,
    engine: EngineOption = EngineName.DUCKDB,
    master: MasterOption = "local[2]",
) -> None:
    """Find out what a model would change if it were activated. No client changes.

    The merges gained and lost are kept under the id of the trial: browse them with
    `rcu model lines`.
    """
    from rcu.bulk import trials

    async def work(database: Database) -> KeptTrial:
        asked = await database.run(partial(trials.ask_trial, version=version, actor=ACTOR))
        if not background:
            await _carry_out(database, asked.id, engine, master)
        return await database.run(partial(trials.get_trial, trial_id=asked.id))

    found = run_with_database(work)
    stdout.print(_summary(found))
    if found.state == "failed":
        raise typer.Exit(ExitCode.PROBLEM)
    stderr.print(f"rcu model lines {found.id}", highlight=False, soft_wrap=True)


def lines(
    trial_id: Annotated[UUID, typer.Argument(metavar="TRIAL", help="The id of a trial.")],
    *,
    kind: Annotated[
        Literal["gained", "lost"] | None, typer.Option(help="Only merges gained, or lost.")
    ] = None,
    after: Annotated[int, typer.Option(min=0, help="Go on after this line.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Lines to show.")] = 10,
    language: LanguageOption = "en",
    json: Annotated[bool, typer.Option("--json", help="Print the lines as JSON.")] = False,
) -> None:
    """Browse what a trial found, most tickets first: the records of both sides, and why."""
    from rcu.bulk import trials

    async def work(database: Database) -> tuple[KeptTrial, list[KeptLine]]:
        kept = await database.run(partial(trials.get_trial, trial_id=trial_id))
        found = await database.run(
            partial(trials.list_lines, trial_id=trial_id, kind=kind, after=after, limit=limit)
        )
        return kept, found

    kept, found = run_with_database(work)
    if json:
        from rcu.bulk.model_schemas import TrialLine

        for line in found:
            typer.echo(TrialLine.model_validate(line).model_dump_json())
        return
    stdout.print(_summary(kept))
    for line in found:
        stdout.print(_line_table(line, language))
    if len(found) == limit:
        more = f"rcu model lines {trial_id} --after {found[-1].position}"
        stderr.print(more, highlight=False, soft_wrap=True)


async def _carry_out(database: Database, trial_id: UUID, engine: EngineName, master: str) -> None:
    """Carry the trial out, or wait for the process that does."""
    from rcu.bulk import trials
    from rcu.bulk.work import carry_out_trials

    with WorkBar() as bar:
        while True:
            await carry_out_trials(
                database,
                lambda: open_engine(engine, master),
                region=load_settings().default_region,
                on_progress=partial(bar.show, "trial"),
            )
            found = await database.run(partial(trials.get_trial, trial_id=trial_id))
            if found.state not in {"waiting", "running"}:
                return
            await asyncio.sleep(_LOOK_SECONDS)


# --- tables -------------------------------------------------------------------------------------


def _summary(found: KeptTrial) -> Table:
    against = f" against {found.against_version}" if found.against_version else ""
    table = Table(
        title=f"Trial of {found.version}{against}", title_justify="left", show_header=False
    )
    table.add_row("id", str(found.id))
    table.add_row("state", found.state if found.failure is None else f"failed: {found.failure}")
    figures = found.figures
    if figures is None:
        return table
    for label, name in (
        ("records", "records"),
        ("clients now", "clients_before"),
        ("clients then", "clients_after"),
        ("merges gained", "merges_gained"),
        ("merges lost", "merges_lost"),
        ("records that change client", "moved_records"),
        ("clients touched", "touched_clients"),
        ("their tickets", "tickets"),
        ("their points accounts", "points_accounts"),
        ("points on these", "points"),
    ):
        table.add_row(label, f"{figures[name]:,}")
    table.add_row("links gained that are right", _estimated(figures["gained_precision"]))
    table.add_row("links lost that were right", _estimated(figures["lost_precision"]))
    return table


def _estimated(found: dict[str, Any] | None) -> str:
    if found is None:
        return "none"
    interval = f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
    if not found["judged_share"]:
        return f"{interval}, by the model's own word: nothing like them was judged"
    return f"{interval}, {found['judged_share']:.0%} of them like judged pairs"


def _line_table(line: KeptLine, language: Literal["en", "fr"]) -> Table:
    from rcu.identity.wording import attribute_name, level_sentence

    def word(name: str) -> str:
        return _WORDS[name][language == "fr"]

    title = (
        f"{line.position}. {word(line.kind)}: {_names(line.left_records)} | "
        f"{_names(line.right_records)} ({line.tickets:,} {word('tickets')})"
    )
    table = Table(
        word("attribute"), "", word("before"), word("after"), title=title, title_justify="left"
    )
    before = {item["attribute"]: item for item in line.before["evidence"]}
    after = {item["attribute"]: item for item in line.after["evidence"]}
    for attribute in dict.fromkeys([*after, *before]):
        level = (after.get(attribute) or before[attribute])["level"]
        table.add_row(
            getattr(attribute_name(attribute), language),
            getattr(level_sentence(attribute, level), language),
            *(f"{s[attribute]['counted']:+.2f}" if attribute in s else "" for s in (before, after)),
        )
    table.add_section()
    table.add_row(
        word("sum"),
        "",
        *(f"{s['weight']:+.2f}, {word(s['decision'])}" for s in (line.before, line.after)),
    )
    return table


def _names(records: tuple[NamedRecord, ...]) -> str:
    named = (f"{one.source}:{one.external_id}" if one.source else str(one.id) for one in records)
    return escape(", ".join(named))

"""`rcu model add|list|activate|revert|work`: the models of a database, and which one decides."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from rcu.cli.resolve import EngineName, open_engine
from rcu.cli.running import ExitCode, load_settings, run_with_database, stderr, stdout
from rcu.errors import RcuError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from rcu.db.engine import Database
    from rcu.identity.model import Model, ModelDocument
    from rcu.identity.model_version_models import ModelOrigin
    from rcu.identity.model_versions import Activation, KeptVersion

ACTOR: Final = "cli"
"""Who acts on the command line; the reason says the rest."""
_LOOK_SECONDS: Final = 0.5


class ModelRefusedError(RcuError):
    """A file is not a model document that can be used."""

    code = "model_refused"


ReasonOption = Annotated[
    str, typer.Option("--reason", help="Why, for the history: a sentence without personal data.")
]
BackgroundOption = Annotated[
    bool,
    typer.Option(
        "--background",
        help="Leave the resolution that follows to the service, or to `rcu model work`.",
    ),
]
EngineOption = Annotated[
    EngineName, typer.Option(help="duckdb on this machine, or spark on a cluster.")
]
MasterOption = Annotated[
    str, typer.Option(metavar="URL", help="Where Spark runs: local[2], spark://host:7077, ...")
]


def add(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="MODEL.json")],
) -> None:
    """Keep a model document in the database; nothing changes until `rcu model activate`."""
    from rcu.identity.model_version_models import ModelOrigin

    keep(read_file(file).document, ModelOrigin.FILE)


def list_models() -> None:
    """List the models of the database, the active one marked, and the last activations."""
    from rcu.identity import model_versions

    async def work(database: Database) -> None:
        async def read(session: AsyncSession) -> tuple[list[KeptVersion], list[Activation]]:
            kept = await model_versions.list_versions(session)
            return kept, list(await model_versions.list_activations(session, limit=10))

        kept, activations = await database.run(read)
        stdout.print(_versions_table(kept))
        if activations:
            stdout.print(_activations_table(activations))

    run_with_database(work)


def activate(
    version: str,
    *,
    reason: ReasonOption = "activated on the command line",
    background: BackgroundOption = False,
    engine: EngineOption = EngineName.DUCKDB,
    master: MasterOption = "local[2]",
) -> None:
    """Make a model the one that decides, at once, and resolve what is stored with it.

    New messages are decided with it from the first instant. The rest follows while they come in;
    stopped half-way, `rcu model work` goes on. `rcu model revert` takes it back.
    """
    from rcu.identity import model_versions

    async def change(session: AsyncSession) -> Activation:
        return await model_versions.activate(session, version, actor=ACTOR, reason=reason)

    async def work(database: Database) -> None:
        activation = await database.run(change)
        await _follow(database, activation, background=background, engine=engine, master=master)

    run_with_database(work)


def revert(
    *,
    reason: ReasonOption = "reverted on the command line",
    background: BackgroundOption = False,
    engine: EngineOption = EngineName.DUCKDB,
    master: MasterOption = "local[2]",
) -> None:
    """Take the last activation back: the model before it decides again, on everything stored."""
    from rcu.identity import model_versions

    async def change(session: AsyncSession) -> Activation:
        return await model_versions.revert(session, actor=ACTOR, reason=reason)

    async def work(database: Database) -> None:
        activation = await database.run(change)
        await _follow(database, activation, background=background, engine=engine, master=master)

    run_with_database(work)


def work(
    *,
    engine: EngineOption = EngineName.DUCKDB,
    master: MasterOption = "local[2]",
    retry: Annotated[
        bool, typer.Option("--retry", help="Try an activation that failed once more.")
    ] = False,
) -> None:
    """Do what waits: the resolution after an activation, then trials. One process does it."""
    from rcu.bulk.work import Done, work_off

    async def run(database: Database) -> Done:
        with WorkBar() as bar:
            return await work_off(
                database,
                lambda: open_engine(engine, master),
                region=load_settings().default_region,
                retry_failed=retry,
                on_progress=bar.show,
            )

    done = run_with_database(run)
    if done.activation is not None:
        stdout.print(_activations_table([done.activation]))
    for trial_id in done.trial_ids:
        stdout.print(f"Trial {trial_id} carried out.", soft_wrap=True)
    if done == Done(None, ()):
        stderr.print("Nothing to do.")


# --- following an activation --------------------------------------------------------------------


async def _follow(
    database: Database, activation: Activation, *, background: bool, engine: EngineName, master: str
) -> None:
    from rcu.identity.model_versions import get_activation

    stdout.print(
        f"{activation.version} decides from now on; before, {activation.previous_version}."
    )
    if background:
        return
    done = await _carry_out(database, engine, master)
    if done is None:
        # The service, or another command, was quicker to take it on.
        done = await _watch(database, activation.number)
    found = await database.run(lambda session: get_activation(session, activation.number))
    stdout.print(_activations_table([found]))
    if found.state != "done":
        raise typer.Exit(ExitCode.PROBLEM)


async def _carry_out(database: Database, engine: EngineName, master: str) -> Activation | None:
    from rcu.bulk.activation import follow_activation

    with WorkBar() as bar:
        return await follow_activation(
            database,
            lambda: open_engine(engine, master),
            region=load_settings().default_region,
            on_progress=partial(bar.show, "activation"),
        )


async def _watch(database: Database, number: int) -> Activation:
    """Show the progress of another process until it is done."""
    from rcu.identity.model_versions import get_activation

    with WorkBar() as bar:
        while True:
            found = await database.run(lambda session: get_activation(session, number))
            bar.show("activation", found.done_records, found.total_records)
            if found.state not in {"waiting", "running"}:
                return found
            await asyncio.sleep(_LOOK_SECONDS)


class WorkBar(Progress):
    """Shows how far work on the whole base is; nothing before it has begun."""

    def __init__(self) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=stderr,
        )
        self._task = self.add_task("Resolving", total=None, visible=False)

    def show(self, what: str, done: int, total: int | None) -> None:
        """Say how much is done: of the records of an activation, of the merges of a trial."""
        working = "Adopting" if what == "activation" else "Explaining"
        self.update(
            self._task,
            description="Resolving" if total is None else working,
            completed=done,
            total=total,
            visible=True,
        )


# --- documents ----------------------------------------------------------------------------------


def keep(document: ModelDocument, origin: ModelOrigin) -> None:
    """Keep a document in the database, and say so."""
    from rcu.identity import model_versions

    async def run(database: Database) -> bool:
        return await database.run(
            lambda session: model_versions.add_version(
                session, document, origin=origin, actor=ACTOR
            )
        )

    is_new = run_with_database(run)
    said = "kept" if is_new else "was kept already"
    stderr.print(f"{document.version} {said}; try it, then activate it.", soft_wrap=True)


def read_kept(version: str) -> Model:
    """Return a model of the database; raise `ModelVersionNotFoundError`."""
    from rcu.identity.active_model import load_model

    async def run(database: Database) -> Model:
        return await database.run(lambda session: load_model(session, version))

    return run_with_database(run)


def read_file(file: Path) -> Model:
    """Return the model of a file; raise `ModelRefusedError`."""
    from pydantic import ValidationError

    from rcu.identity.model import Model

    try:
        return Model.from_json(file.read_bytes())
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'document'}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise ModelRefusedError(f"{file.name} is no model document. {faults}.") from None


# --- tables -------------------------------------------------------------------------------------


def _versions_table(kept: list[KeptVersion]) -> Table:
    table = Table("Version", "Origin", "Kept at", "By", "", title="Models", title_justify="left")
    for one in kept:
        at = f"{one.created_at:%Y-%m-%d %H:%M}" if one.created_at else ""
        mark = "active" if one.is_active else ""
        table.add_row(one.version, one.origin, at, one.created_by or "", mark)
    return table


def _activations_table(activations: list[Activation]) -> Table:
    table = Table(
        "No", "Version", "Before", "At (UTC)", "By", "Why", "State", "Records", "Moved",
        title="Activations", title_justify="left",
    )  # fmt: skip
    for one in activations:
        why = one.reason if one.reverts is None else f"takes {one.reverts} back: {one.reason}"
        total = "" if one.total_records is None else f" of {one.total_records:,}"
        moved = "" if one.moved_records is None else f"{one.moved_records:,}"
        state = one.state if one.failure is None else f"{one.state}: {one.failure}"
        table.add_row(
            str(one.number), one.version, one.previous_version,
            f"{one.activated_at:%Y-%m-%d %H:%M}", one.actor, why, state,
            f"{one.done_records:,}{total}", moved,
        )  # fmt: skip
    return table

"""The `rcu` command: everything an operator does, from one place."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rcu.cli import (
    analytics,
    brake,
    crosswalk,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    imports,
    keys,
    loyalty,
    match,
    migrate,
    model,
    programme,
    rebuild,
    report,
    resolve,
    serve,
    sources,
    stores,
    tickets,
)
from rcu.cli.running import FileUnusableError, fail
from rcu.errors import RcuError

EPILOG = (
    "Settings are environment variables, or lines of a file .env: RCU_DATA_DIR (the folder of the "
    "embedded database, ./var by default), RCU_DATABASE_URL (any PostgreSQL 16 or newer in its "
    "place), RCU_PORT and others. `rcu doctor` checks them.\n\n"
    "Exit codes: 0 done; 1 refused, or a problem found; 2 command line or setting not valid; "
    "3 database not reachable."
)


class CommandGroup(TyperGroup):
    """The root of the commands: it turns a refusal into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except RcuError as error:
            raise fail(error) from None
        except OSError as error:
            if error.filename is None:  # a pipe that nobody reads any more, say: not a file
                raise
            raise fail(FileUnusableError(error)) from None


app = typer.Typer(
    name="rcu",
    cls=CommandGroup,
    help="One client, one lasting id, from tills, e-shop, app and loyalty programme.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it with the option's value
    if asked:
        typer.echo(f"rcu {version('rcu')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """One client, one lasting id, from tills, e-shop, app and loyalty programme."""


# One line for each command, in the order of the help. Families: app.add_typer(keys.app, name=...).
app.command("demo", rich_help_panel="Run")(demo.demo)
app.command("serve", rich_help_panel="Run")(serve.serve)
app.command("migrate", rich_help_panel="Run")(migrate.migrate)
app.command("doctor", rich_help_panel="Run")(doctor.doctor)
app.add_typer(sources.app, name="sources", rich_help_panel="Access")
app.add_typer(keys.app, name="keys", rich_help_panel="Access")
app.add_typer(stores.app, name="stores", rich_help_panel="Data")
app.add_typer(tickets.app, name="tickets", rich_help_panel="Data")
app.command("import", rich_help_panel="Data")(imports.import_file)
app.command("crosswalk", rich_help_panel="Data")(crosswalk.crosswalk)
app.command("resolve", rich_help_panel="Data")(resolve.resolve)
app.command("rebuild", rich_help_panel="Data")(rebuild.rebuild)
app.add_typer(report.app, name="report", rich_help_panel="Data")
app.command("evaluate", rich_help_panel="Data")(evaluate.evaluate)
app.command("export", rich_help_panel="Data")(export.export)
app.add_typer(analytics.app, name="analytics", rich_help_panel="Data")
app.command("match", rich_help_panel="Clients")(match.match)
app.command("why", rich_help_panel="Clients")(explain.why)
app.command("why-not", rich_help_panel="Clients")(explain.why_not)
app.command("how", rich_help_panel="Clients")(explain.how)
app.add_typer(programme.app, name="programme", rich_help_panel="Loyalty")
app.add_typer(loyalty.app, name="loyalty", rich_help_panel="Loyalty")
app.add_typer(model.app, name="model", rich_help_panel="Identity")
app.add_typer(brake.app, name="brake", rich_help_panel="Identity")

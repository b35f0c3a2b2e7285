"""`rcu programme`: show, check and activate the rules of the points programme."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml

from rcu.cli.running import run_with_database, stdout
from rcu.db.engine import Database

if TYPE_CHECKING:
    from rcu.loyalty.programme import Programme

app = typer.Typer(help="The rules of the points programme.", no_args_is_help=True)

ProgrammeFile = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, metavar="FILE", help="YAML or JSON.")
]


@app.command()
def show(
    *,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="The one that comes with the service, as a start.")
    ] = False,
) -> None:
    """Print the programme in force today, as YAML."""

    async def read(database: Database) -> Programme:
        from rcu.loyalty import programmes

        return await database.run(
            lambda session: programmes.get_on(session, datetime.now(UTC).date())
        )

    from rcu.loyalty.programme import Programme

    found = Programme.shipped() if shipped else run_with_database(read)
    typer.echo(yaml.safe_dump(found.to_document(), sort_keys=False, allow_unicode=True), nl=False)


@app.command()
def validate(file: ProgrammeFile) -> None:
    """Check that a file is a sound programme. Ends with 0, or with 1 and what is wrong."""
    found = read_file(file)
    stdout.print(
        f"{file.name}: a sound programme, version {found.version}.", markup=False, soft_wrap=True
    )


@app.command()
def activate(
    file: ProgrammeFile,
    *,
    from_on: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First business day; default today."),
    ] = None,
) -> None:
    """Put a programme in force. Tickets keep the rules of their business day."""
    found = read_file(file)
    first = _first_day(from_on)

    async def put(database: Database) -> bool:
        from rcu.loyalty import programmes

        return await database.run(
            lambda session: programmes.activate(
                session, found, effective_on=first, actor="operator"
            )
        )

    is_new = run_with_database(put)
    stdout.print(_told(found.version, first, is_new=is_new), soft_wrap=True)


def _first_day(from_on: datetime | None) -> date:
    from rcu.errors import FieldValueError
    from rcu.http.fields import plausible_day

    if from_on is None:
        return datetime.now(UTC).date()
    try:
        return plausible_day(from_on.date())
    except FieldValueError as error:
        raise typer.BadParameter(str(error), param_hint="--from") from None


def _told(version: str, first: date, *, is_new: bool) -> str:
    if is_new:
        return f"Version {version} is in force from {first} on."
    return f"Version {version} was in force on {first} already: nothing was changed."


def read_file(file: Path) -> Programme:
    """Return the programme of a file; raise `ProgrammeInvalidError` saying what is wrong where."""
    from pydantic import ValidationError

    from rcu.errors import FieldValueError
    from rcu.loyalty.errors import ProgrammeInvalidError
    from rcu.loyalty.programme import Programme

    try:
        return Programme.from_text(file.read_bytes())
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, e['loc'])) or 'it'}: {e['msg']}" for e in error.errors())
        raise ProgrammeInvalidError(f"{file.name} is no programme. {'; '.join(faults)}.") from None
    except (FieldValueError, UnicodeDecodeError):
        raise ProgrammeInvalidError(f"{file.name} is neither YAML nor JSON.") from None

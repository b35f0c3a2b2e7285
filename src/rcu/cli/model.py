"""`rcu model`: show a match model, check one, and train one on records without labels."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rcu.cli import model_evaluate, model_trial, model_versions
from rcu.cli.running import ExitCode, fail, load_settings, run_with_database, stderr, stdout
from rcu.db.engine import Database

if TYPE_CHECKING:
    from rcu.identity.model import Model, ModelDocument
    from rcu.training.training_set import TrainingSet

app = typer.Typer(help="Train, try, activate and evaluate match models.", no_args_is_help=True)
app.command("evaluate")(model_evaluate.evaluate)
app.command("add")(model_versions.add)
app.command("list")(model_versions.list_models)
app.command("trial")(model_trial.trial)
app.command("lines")(model_trial.lines)
app.command("activate")(model_versions.activate)
app.command("revert")(model_versions.revert)
app.command("work")(model_versions.work)


ModelName = Annotated[
    str | None,
    typer.Argument(
        metavar="[VERSION|MODEL.json]",
        help="A version kept in the database, or a file; by default the shipped model.",
    ),
]


@app.command()
def show(
    model: ModelName = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the document itself.")] = False,
) -> None:
    """Show a model: its lines, its weights level by level, and how it was trained."""
    from rcu.cli import model_report

    document = _find(model).document
    if json:
        typer.echo(document.model_dump_json(indent=1, exclude_none=True))
        return
    stdout.print(model_report.summary(document))
    if document.training is not None:
        stdout.print(model_report.training(document.training))
    stdout.print(model_report.weights(document))


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="MODEL.json")],
) -> None:
    """Check that a file is a sound model document. Ends with 0, or with 1 and what is wrong."""
    model = model_versions.read_file(file)
    stdout.print(
        f"{file.name}: a sound model, version {model.version}.", markup=False, soft_wrap=True
    )


@app.command()
def train(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="[FILE...]",
            help="Files of profiles, read as `rcu import` would and not imported.",
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="MODEL.json",
            help="A file to write the new model to; needed when files are trained on.",
        ),
    ] = None,
    from_database: Annotated[
        bool,
        typer.Option(
            "--from-database",
            help="Train on the profiles of the database, and keep the new model there.",
        ),
    ] = False,
    mapping: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, metavar="FILE.yml", help="How columns become fields."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION|MODEL.json",
            help="The model to start with, which holds where the records say little; "
            "by default the shipped one.",
        ),
    ] = None,
) -> None:
    """Train a model without labels, on the records of the database or of files.

    Weights by Splink (of the extra `train`), name frequencies and the prior from the records;
    judgements of the database correct it. Trained on the database, the result is kept there as a
    new version; nothing changes until `rcu model activate`.
    """
    from rcu.cli import model_report
    from rcu.identity.model_version_models import ModelOrigin
    from rcu.training.em import require_splink
    from rcu.training.trainer import train as train_on

    if bool(files) == from_database:
        raise typer.BadParameter("Name files to train on, or say --from-database.")
    if out is None and not from_database:
        raise typer.BadParameter("Say where the new model goes: --out.")
    require_splink()
    model = _find(start)
    training_set = run_with_database(_read_database) if not files else _read_files(files, mapping)
    if training_set.left_out:
        stderr.print(f"{training_set.left_out:,} rows make no profile and are left out.")
    with stderr.status("Training") as status:
        document = train_on(
            training_set,
            model,
            trained_at=datetime.now(UTC).replace(microsecond=0),
            on_step=status.update,
        )
    if out is not None:
        _write(document, out)
    if document.training is not None:
        stdout.print(model_report.training(document.training))
    if from_database:
        model_versions.keep(document, ModelOrigin.TRAINED)
    if out is not None:
        stderr.print(f"{document.version} written to {out}.", markup=False, soft_wrap=True)


async def _read_database(database: Database) -> TrainingSet[Any]:
    from rcu.training.reading import read_database

    with stderr.status("Reading the database"):
        return await read_database(database)


def _read_files(files: list[Path], mapping: Path | None) -> TrainingSet[Any]:
    from rcu.cli import import_report
    from rcu.ingestion.files.errors import FileRefusedError, MappingRefusedError
    from rcu.ingestion.files.mapping import Mapping, read_mapping
    from rcu.ingestion.files.plan import Options
    from rcu.training.reading import read_files

    options = Options(file_time=datetime.now(UTC))
    try:
        chosen = read_mapping(mapping) if mapping else Mapping()
        with stderr.status("Reading the files"):
            return read_files(
                files,
                chosen,
                options,
                region=load_settings().default_region,
                on_note=lambda told: stderr.print(import_report.note(told), soft_wrap=True),
            )
    except (FileRefusedError, MappingRefusedError) as error:
        fail(error)
        raise typer.Exit(ExitCode.USAGE) from None


def _find(named: str | None) -> Model:
    """Return the model of a file or of a version; the shipped one when none is named."""
    from rcu.identity.model import Model

    if named is None:
        return Model.shipped()
    path = Path(named)
    return model_versions.read_file(path) if path.is_file() else model_versions.read_kept(named)


def _write(document: ModelDocument, path: Path) -> None:
    path.write_text(document.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")

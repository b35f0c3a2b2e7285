"""`rcu model`: show, validate, train."""

from __future__ import annotations

import csv
import json
import sys
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rcu.cli.main import app
from rcu.cli.running import ExitCode
from rcu.identity.model import Model
from rcu.training import sampling, trainer
from tests.cli.conftest import Rcu
from tests.training.crowd import crowd


@pytest.fixture(autouse=True)
def _fewer_random_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "random_pairs", partial(sampling.random_pairs, size=5_000))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Give a file of invented people, without a column that names a source."""
    path = tmp_path / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["record_id", "given_name", "family_name", "birth_date"])
        for key, f in crowd(150).records.items():
            writer.writerow([key, "".join(f.given_name), "".join(f.family_name), f.birth_date])
    return path


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["model", *map(str, words)])
    return result.exit_code, result.stdout, result.stderr


def test_the_shipped_model_is_shown_and_its_document_is_sound(tmp_path: Path) -> None:
    code, shown, _ = run("show")
    _, document, _ = run("show", "--json")
    path = tmp_path / "model.json"
    path.write_text(document, encoding="utf-8")

    assert code == ExitCode.OK
    assert "+27.16" in shown
    assert Model.from_json(document).document == Model.shipped().document
    assert run("validate", path)[0] == ExitCode.OK


def test_an_unsound_document_is_refused_with_what_is_wrong(tmp_path: Path) -> None:
    document = json.loads(Model.shipped().document.model_dump_json())
    document["attributes"]["email"]["levels"]["exact"]["m"] = 1.5
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document), encoding="utf-8")

    code, _, told = run("validate", path)

    assert code == ExitCode.PROBLEM
    assert "attributes.email.levels.exact.m" in told


def test_a_file_makes_a_model_and_the_figures_are_said(people: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.json"

    code, told, _ = run("train", people, "--out", target)
    trained = Model.from_json(target.read_bytes())

    assert code == ExitCode.OK
    assert "Expected matches" in told
    assert trained.version.startswith("trained-")
    assert run("validate", target)[0] == ExitCode.OK
    assert "Started from" in run("show", target)[1]


def test_a_trained_model_can_be_the_start_of_another(people: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"

    run("train", people, "--out", first)
    code, _, _ = run("train", people, "--start", first, "--out", second)

    training = Model.from_json(second.read_bytes()).document.training
    assert code == ExitCode.OK
    assert training is not None
    assert training.trained_from == Model.from_json(first.read_bytes()).version


def test_training_on_the_database_changes_nothing_in_it(
    rcu: Rcu, people: Path, tmp_path: Path
) -> None:
    rcu("sources", "add", "pos", "--name", "pos", "--kind", "pos")
    rcu("import", people, "--source", "pos")
    before, after, target = (tmp_path / name for name in ("a.csv", "b.csv", "model.json"))
    rcu("crosswalk", "--to", before)

    result = rcu("model", "train", "--from-database", "--out", target)
    rcu("crosswalk", "--to", after)

    assert result.exit_code == ExitCode.OK
    assert Model.from_json(target.read_bytes()).document.training is not None
    assert before.read_bytes() == after.read_bytes()


def test_without_the_extra_it_says_what_to_install(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "splink", None)

    code, _, told = run("train", people, "--out", tmp_path / "model.json")

    assert code == ExitCode.PROBLEM
    assert "pip install 'rcu[train]'" in told


def test_either_files_or_the_database_must_be_named(people: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.json"

    assert run("train", "--out", target)[0] == ExitCode.USAGE
    assert run("train", people, "--from-database", "--out", target)[0] == ExitCode.USAGE
    assert not target.exists()


def test_the_command_starts_without_splink() -> None:
    assert "splink" not in _modules_after("import rcu.cli.main, rcu.app")


def _modules_after(code: str) -> set[str]:
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())

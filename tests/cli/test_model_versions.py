"""`rcu model add`, `list`, `activate`, `revert` and `work`, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rcu.cli.running import ExitCode
from tests.cli.conftest import Rcu
from tests.identity.test_model_versions import NEVER, SHIPPED

PROFILES = """\
source;record_id;created_at;given_name;family_name;birth_date;email
pos;P1;2025-01-02T10:00:00Z;Zoé;Martinet;03/04/1980;zoe.martinet@poste.example
pos;P2;2025-01-03T10:00:00Z;Zoe;MARTINET;1980-04-03;zoe.martinet@poste.example
"""


@pytest.fixture
def shop(rcu: Rcu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rcu:
    """Give the command on a database that has one client of two records, and a model to try."""
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "people.csv").write_text(PROFILES, encoding="utf-8")
    (tmp_path / "never.json").write_text(NEVER.model_dump_json(), encoding="utf-8")
    assert rcu("sources", "add", "pos", "--name", "pos", "--kind", "pos").exit_code == 0
    assert rcu("import", tmp_path / "people.csv").exit_code == 0
    assert rcu("model", "add", tmp_path / "never.json").exit_code == 0
    return rcu


def clients(shop: Rcu, path: Path) -> set[str]:
    assert shop("crosswalk", "--to", path).exit_code == 0
    return {line.rsplit(",", 1)[-1] for line in path.read_text().splitlines()[1:]}


def test_a_model_is_activated_and_taken_back(shop: Rcu, tmp_path: Path) -> None:
    before = clients(shop, tmp_path / "a.csv")

    activated = shop("model", "activate", "never", "--reason", "nobody is anybody")
    apart = clients(shop, tmp_path / "b.csv")
    reverted = shop("model", "revert", "--background")
    waiting = shop("model", "list")
    worked = shop("model", "work")
    idle = shop("model", "work")

    assert len(before) == 1
    assert len(apart) == 2
    assert clients(shop, tmp_path / "c.csv") == before
    codes = {one.exit_code for one in (activated, reverted, waiting, worked, idle)}
    assert codes == {ExitCode.OK}
    assert "nobody is anybody" in waiting.output
    assert "waiting" in waiting.output
    assert "done" in worked.output
    assert "Nothing to do" in idle.output


def test_a_kept_model_is_shown_by_its_version(shop: Rcu) -> None:
    shown = shop("model", "show", "never")
    unknown = shop("model", "show", "unheard-of")
    again = shop("model", "activate", SHIPPED.version)

    assert "900.00 bits" in shown.output
    assert unknown.exit_code == ExitCode.PROBLEM
    assert "No model is kept" in unknown.output
    assert again.exit_code == ExitCode.PROBLEM
    assert "active already" in again.output


def test_a_trial_is_held_and_browsed_in_french(shop: Rcu) -> None:
    tried = shop("model", "trial", "never")
    trial_id = tried.output.rsplit("rcu model lines ", 1)[1].split()[0]
    browsed = shop("model", "lines", trial_id, "--language", "fr", "--kind", "lost")
    packed = shop("model", "lines", trial_id, "--json")

    assert tried.exit_code == browsed.exit_code == packed.exit_code == ExitCode.OK
    assert "merges lost" in tried.output
    assert "nothing like them was judged" in tried.output
    assert "Seraient séparés: pos:P1 | pos:P2" in browsed.output
    assert '"kind":"lost"' in packed.output

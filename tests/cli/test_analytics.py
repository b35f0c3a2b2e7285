"""`rcu analytics`: the views that data teams read, and who may."""

from __future__ import annotations

from rcu.cli.running import ExitCode
from tests.cli.conftest import Rcu


def test_the_command_lists_views_and_their_columns(rcu: Rcu) -> None:
    listed = rcu("analytics", "views")
    one = rcu("analytics", "views", "analytics.attachments")
    none = rcu("analytics", "views", "nothing")

    assert "analytics.crosswalk" in listed.stdout
    assert "sale_client_id" in one.stdout
    assert none.exit_code == ExitCode.USAGE


def test_the_command_refuses_users_that_are_not_there(rcu: Rcu) -> None:
    result = rcu("analytics", "grant", "--to", "nobody at all")

    assert result.exit_code == ExitCode.PROBLEM
    assert "no user nobody at all" in " ".join(result.stderr.split())

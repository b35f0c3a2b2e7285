"""`rcu migrate`: bring the database to the tables of this release."""

from __future__ import annotations

from rcu.cli.running import run_with_database, stdout
from rcu.db import migrations


def migrate() -> None:
    """Create the tables, or bring them to this release.

    Safe to run at any time, also from several machines at once and while the service runs: one
    migrates, the others wait, and a database that is up to date is left alone.
    """
    before, after = run_with_database(migrations.migrate, require_migrated=False)
    if before == after:
        stdout.print(f"The database is up to date (revision {after or 'none'}).")
    else:
        stdout.print(f"The database went from revision {before or 'none'} to {after}.")

"""`python -m rcu`: the same as the command `rcu`."""

from __future__ import annotations

from rcu.cli.main import app

if __name__ == "__main__":
    app()

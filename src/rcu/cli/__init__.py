"""The `rcu` command: one module for each family of commands, registered in `rcu.cli.main`.

A module holds either plain functions with Typer's annotations, each registered by one line of
`main`, or a `typer.Typer` named `app` when it is a family (`rcu keys create`). A function that
needs the database is written as an `async def` that takes it and is run by
`rcu.cli.running.run_with_database`. A refusal is raised as an `RcuError`: `main` prints it as one
line and ends with its exit code. What a program may want to read goes to standard output, what a
person reads meanwhile (progress, warnings) to standard error.
"""

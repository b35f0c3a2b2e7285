"""`rcu doctor`: say what is wrong with the set-up, and how to mend it."""

from __future__ import annotations

import typer
from rich.markup import escape
from rich.table import Table

from rcu.cli.diagnosis import Finding, Verdict, examine
from rcu.cli.running import ExitCode, load_settings, run_async, stdout

_MARKS = {
    Verdict.OK: "[green]ok[/]",
    Verdict.WARNING: "[yellow]warn[/]",
    Verdict.FAILURE: "[bold red]FAIL[/]",
}


def doctor() -> None:
    """Check the set-up: Python, disk, database, tables, keys; and say how to mend what is wrong.

    Nothing is changed, except that the embedded database is made when there is none yet. Ends
    with 1 when something fails; warnings alone end with 0.
    """
    findings = run_async(examine(load_settings()))
    stdout.print(_table(findings))
    for finding in findings:
        if finding.verdict is not Verdict.OK and finding.remedy:
            mark = _MARKS[finding.verdict]
            stdout.print(f"{mark} {finding.subject}: {escape(finding.remedy)}", soft_wrap=True)
    if any(finding.verdict is Verdict.FAILURE for finding in findings):
        raise typer.Exit(ExitCode.PROBLEM)


def _table(findings: list[Finding]) -> Table:
    table = Table("", "Checked", "Found", title="rcu doctor", title_justify="left")
    for finding in findings:
        table.add_row(_MARKS[finding.verdict], finding.subject, escape(finding.found))
    return table

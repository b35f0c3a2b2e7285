"""`rcu match`: the client whom a profile is of, with nothing written down."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rcu.cli.explain import JsonOption, LanguageOption
from rcu.cli.running import load_settings, run_with_database, stdout
from rcu.errors import RcuError

if TYPE_CHECKING:
    from rcu.clients.matching import MatchedProfile
    from rcu.db.engine import Database
    from rcu.ingestion.messages import ProfileAttributes

_LONGEST: Final = 1_000_000
"""Characters of a profile, at most: far more than any has."""


class NotAProfileError(RcuError):
    """What was read is not what a profile says."""

    code = "not_a_profile"


def match(
    *,
    language: LanguageOption = "en",
    json: JsonOption = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how each weight comes about.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=20, help="Clients told, at most.")] = 10,
    source: Annotated[
        str, typer.Option(metavar="CODE", help="The source that would send the profile.")
    ] = "",
) -> None:
    """Say which client a person is, or may be, without writing anything.

    Reads what a profile says from standard input, as JSON: its attributes, no ids. The names,
    e-mails and phones of clients are told with --json only.
    """
    from rcu.cli.explain_text import print_matches
    from rcu.clients.matching import Asked, match_profile
    from rcu.ingestion.match_endpoints import answer_of

    asked = Asked(_read().stated(), source, limit, explained=explain)
    region = load_settings().default_region

    async def work(database: Database) -> MatchedProfile:
        return await match_profile(database, asked, region=region)

    found = run_with_database(work)
    if json:
        typer.echo(answer_of(found).model_dump_json())
    else:
        print_matches(stdout, found, language)


def _read() -> ProfileAttributes:
    """Return the profile on standard input; raise `NotAProfileError` naming what is wrong."""
    from pydantic import ValidationError

    from rcu.ingestion.messages import ProfileAttributes
    from rcu.validation import field_errors

    text = sys.stdin.read(_LONGEST + 1)
    if len(text) > _LONGEST:
        msg = "What stands on standard input is too long for a profile."
        raise NotAProfileError(msg)
    try:
        return ProfileAttributes.model_validate_json(text)
    except ValidationError as error:
        faults = "; ".join(
            f"{one.field or 'it'}: {one.reason}" for one in field_errors(error.errors(), {})
        )
        msg = f"What stands on standard input is no profile. {faults}"
        raise NotAProfileError(msg) from None

"""All that waits to be done on the whole base: an activation first, then trials, oldest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from uuid import UUID

from rcu.bulk import trials
from rcu.bulk.activation import follow_activation
from rcu.bulk.jobs import OpenEngine, turn_of_jobs
from rcu.bulk.trial import try_model
from rcu.db.engine import Database
from rcu.identity.active_model import load_model, read_active_model
from rcu.identity.model_versions import Activation

OnProgress = Callable[[str, int, int | None], None]
"""Told what is done (`activation`, `trial`), how far, and of how much if that is known."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done."""

    activation: Activation | None
    trial_ids: tuple[UUID, ...]


async def work_off(
    database: Database,
    open_engine: OpenEngine,
    *,
    region: str,
    retry_failed: bool = False,
    on_progress: OnProgress = lambda _what, _done, _all: None,
) -> Done:
    """Do all that waits, as long as no other process does it."""
    activation = await follow_activation(
        database,
        open_engine,
        region=region,
        retry_failed=retry_failed,
        on_progress=lambda done, total: on_progress("activation", done, total),
    )
    carried_out = await carry_out_trials(
        database,
        open_engine,
        region=region,
        on_progress=lambda done, total: on_progress("trial", done, total),
    )
    return Done(activation, carried_out)


async def carry_out_trials(
    database: Database,
    open_engine: OpenEngine,
    *,
    region: str,
    on_progress: Callable[[int, int | None], None] = lambda _done, _all: None,
) -> tuple[UUID, ...]:
    """Carry out the trials that wait, oldest first, and return which those were."""
    done: list[UUID] = []
    async with turn_of_jobs(database) as is_ours:
        while is_ours and (trial_id := await trials.find_pending_trial(database)):
            await _carry_out(database, open_engine, trial_id, region=region, tell=on_progress)
            done.append(trial_id)
    return tuple(done)


async def _carry_out(
    database: Database,
    open_engine: OpenEngine,
    trial_id: UUID,
    *,
    region: str,
    tell: Callable[[int, int | None], None],
) -> None:
    kept = await database.run(lambda session: trials.get_trial(session, trial_id))
    model = await database.run(lambda session: load_model(session, kept.version))
    active = await read_active_model(database)
    await trials.begin(database, trial_id, against=active)
    try:
        with open_engine() as engine:
            found = await try_model(
                database, engine, model=model, active=active, region=region, on_progress=tell
            )
    except Exception as error:
        await trials.fail(database, trial_id, error)
        raise
    await trials.finish(database, trial_id, asdict(found.figures), found.lines)

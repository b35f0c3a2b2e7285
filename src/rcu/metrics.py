"""The service's Prometheus metrics, and the small functions by which the domains feed them.

Numbers are kept per process. With several workers, `PROMETHEUS_MULTIPROC_DIR` (set by
`rcu serve` before it starts them) makes them share files, and any worker then answers for all.
No label ever holds personal data, nor a value of unbounded variety.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, Literal

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE"]

REGISTRY: Final = CollectorRegistry()

_REQUEST_SECONDS: Final = Histogram(
    "rcu_http_request_seconds",
    "Time from the request's head to the answer's end.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)
_MESSAGES: Final = Counter(
    "rcu_ingestion_messages",
    "Messages received, by type and what became of them.",
    ["type", "outcome"],
    registry=REGISTRY,
)
_RESOLUTION_SECONDS: Final = Histogram(
    "rcu_resolution_seconds",
    "Time to resolve one source record to its client.",
    buckets=(0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.5),
    registry=REGISTRY,
)
_CANDIDATES: Final = Histogram(
    "rcu_resolution_candidates",
    "Candidate records compared for one source record.",
    buckets=(0, 1, 2, 5, 10, 20, 50, 100, 200, 500),
    registry=REGISTRY,
)
_POOL: Final = Gauge(
    "rcu_database_pool_connections",
    "Connections of the database pool, in use and at most.",
    ["state"],
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
_AUTHENTICATION_FAILURES: Final = Counter(
    "rcu_authentication_failures",
    "Requests refused for their API key.",
    ["reason"],
    registry=REGISTRY,
)
_KEY_CACHE: Final = Counter(
    "rcu_key_lookups",
    "API keys looked up, by where they were found: cache, or database.",
    ["place"],
    registry=REGISTRY,
)
_DATABASE_UNAVAILABLE: Final = Counter(
    "rcu_database_unavailable", "Requests answered 503 for want of the database.", registry=REGISTRY
)

_BRAKES: Final = Counter(
    "rcu_merge_brakes_tripped",
    "Merge brakes tripped, by what was stopped: an identifier, or a source.",
    ["scope"],
    registry=REGISTRY,
)

AuthenticationFailure = Literal["missing", "malformed", "unknown", "scope"]


@cache
def _message_counter(message_type: str, outcome: str) -> Counter:
    return _MESSAGES.labels(message_type, outcome)


@cache
def _request_timer(method: str, route: str, status: int) -> Histogram:
    return _REQUEST_SECONDS.labels(method, route, str(status))


def observe_request(*, method: str, route: str, status: int, seconds: float) -> None:
    """Count one HTTP request; `route` is the template, never the path that was called."""
    _request_timer(method, route, status).observe(seconds)


def count_message(message_type: str, outcome: str) -> None:
    """Count one ingested message, e.g. `("profile", "created")` or `("ticket", "parked")`."""
    _message_counter(message_type, outcome).inc()


def observe_resolution(*, seconds: float, candidates: int) -> None:
    """Count one resolution of a source record."""
    _RESOLUTION_SECONDS.observe(seconds)
    _CANDIDATES.observe(candidates)


def set_pool(*, in_use: int, limit: int) -> None:
    """Say how many connections of this process's pool are in use, and how many there may be."""
    _POOL.labels("in_use").set(in_use)
    _POOL.labels("limit").set(limit)


def count_merge_brake(scope: str) -> None:
    """Count one merge brake that tripped: something merges far more than it should."""
    _BRAKES.labels(scope).inc()


def count_authentication_failure(reason: AuthenticationFailure) -> None:
    """Count one refused API key: a rise is somebody trying keys."""
    _AUTHENTICATION_FAILURES.labels(reason).inc()


_key_from_cache = _KEY_CACHE.labels("cache")
_key_from_database = _KEY_CACHE.labels("database")


def count_key_lookup(*, cached: bool) -> None:
    """Count one look-up of an API key, in this process's cache or in the database."""
    (_key_from_cache if cached else _key_from_database).inc()


def count_database_unavailable() -> None:
    """Count one request refused because the database was away."""
    _DATABASE_UNAVAILABLE.inc()


def close() -> None:
    """Take this process's state out of the shared figures, as it ends; its counts remain."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


def exposition(*, parked: Mapping[str, int] | None = None) -> bytes:
    """Return all metrics in Prometheus's text format, of all workers when they share files.

    `parked` is how many messages are parked now, by reason, as the database has it: no process
    knows it by itself. None when the database does not say.
    """
    told = generate_latest(_counted())
    return told if parked is None else told + generate_latest(_told_by_database(parked))


def _counted() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    shared = CollectorRegistry()
    multiprocess.MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared


def _told_by_database(parked: Mapping[str, int]) -> CollectorRegistry:
    family = GaugeMetricFamily(
        "rcu_parked_messages", "Messages parked, waiting for what they refer to.", labels=["reason"]
    )
    for reason, number in parked.items():
        family.add_metric([reason], number)
    registry = CollectorRegistry()
    registry.register(_Told(family))
    return registry


class _Told(Collector):
    """Figures that were asked for just now."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return [self._family]

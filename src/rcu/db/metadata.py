"""The declarative base that every table hangs on, and the names that constraints get."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

import rcu

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Stable names, so that a migration can drop or change any constraint by its name."""


class Base(DeclarativeBase):
    """Base of every ORM class of the service."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def import_models() -> None:
    """Import the modules of tables of every domain, so that `Base.metadata` holds every table.

    Those are `models`, and what a domain keeps beside it in modules named `..._models`.
    """
    for package in pkgutil.iter_modules(rcu.__path__, prefix="rcu."):
        if package.ispkg:
            for module in _model_modules(package.name):
                importlib.import_module(f"{package.name}.{module}")


def _model_modules(package: str) -> list[str]:
    """Return the modules of tables in a package, by its files: nothing is imported."""
    spec = importlib.util.find_spec(package)
    locations = spec.submodule_search_locations if spec is not None else None
    names = (module.name for module in pkgutil.iter_modules(locations))
    return [name for name in names if name == "models" or name.endswith("_models")]

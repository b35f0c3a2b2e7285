"""Routes of stores. They stand here, above sales, since a new store lets parked tickets in."""

from __future__ import annotations

from typing import Annotated

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.errors import problems
from rcu.http.dependencies import DatabaseDep, SessionDep
from rcu.http.routing import api_router
from rcu.ingestion.store_schemas import StoreCreate, StoreList, StoreRead
from rcu.ingestion.stores import open_stores
from rcu.sales import stores
from rcu.sales.errors import StoreExistsError
from rcu.sales.models import Store

router = api_router(prefix="/v1/stores", tags=["Stores"])

Administrator = Annotated[Caller, requires(Scope.ADMIN)]


@router.post("", response_model=StoreRead, status_code=201, responses=problems(StoreExistsError))
async def create_store(body: StoreCreate, database: DatabaseDep, _caller: Administrator) -> Store:
    """Add a store. Tickets that were parked for want of it are applied; the same again is safe."""
    [(store, _)] = await open_stores(database, [body.details()])
    return store


@router.get("")
async def list_stores(session: SessionDep, _caller: Administrator) -> StoreList:
    """List the stores by code."""
    found = await stores.list_stores(session)
    return StoreList(stores=[StoreRead.model_validate(store) for store in found])

"""Routes of access: the sources. API keys are made on the command line only."""

from __future__ import annotations

from typing import Annotated

from rcu.access import service
from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.errors import SourceExistsError
from rcu.access.models import Scope, Source
from rcu.access.schemas import SourceCreate, SourceList, SourceRead
from rcu.errors import problems
from rcu.http.dependencies import SessionDep
from rcu.http.routing import api_router

router = api_router(prefix="/v1/sources", tags=["Sources"])

Administrator = Annotated[Caller, requires(Scope.ADMIN)]


@router.post("", response_model=SourceRead, status_code=201, responses=problems(SourceExistsError))
async def create_source(body: SourceCreate, session: SessionDep, _caller: Administrator) -> Source:
    """Add a source. Sending the same again changes nothing."""
    return await service.add_source(session, code=body.code, name=body.name, kind=body.kind)


@router.get("")
async def list_sources(session: SessionDep, _caller: Administrator) -> SourceList:
    """List the sources by code."""
    sources = await service.list_sources(session)
    return SourceList(sources=[SourceRead.model_validate(source) for source in sources])

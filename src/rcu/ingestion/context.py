"""What ingestion works with beside the messages."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.identity.active_model import active_model
from rcu.identity.braking import BrakeLimits
from rcu.identity.model import Model
from rcu.ingestion.intake import Defaults
from rcu.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """What ingestion works with beside the messages."""

    model: Model | None
    """What decides; None, as in service, for the model that is active when the locks are held."""
    defaults: Defaults

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the context that the settings describe."""
        return cls(
            None,
            Defaults(
                region=settings.default_region,
                timezone=settings.default_timezone,
                brake=BrakeLimits(
                    window=timedelta(minutes=settings.merge_brake_window_minutes),
                    identifier_merges=settings.merge_brake_identifier_merges,
                    source_merges=settings.merge_brake_source_merges,
                    source_share=settings.merge_brake_source_share,
                ),
            ),
        )

    async def model_for(self, session: AsyncSession) -> Model:
        """Return the model that decides in a transaction."""
        return self.model or await active_model(session)

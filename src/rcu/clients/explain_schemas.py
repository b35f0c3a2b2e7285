"""Wire formats of explanations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from rcu.clients.explain_answers import ClientReference, RecordReference, Reference
from rcu.errors import FieldValueError
from rcu.identity.scoring import Decision
from rcu.identity.wording import Language


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SideRequest(_Request):
    """A source record, by its source and its id there, or a client by any id it ever had."""

    source: Annotated[str, StringConstraints(min_length=1, max_length=32)] | None = None
    external_id: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    client_id: UUID | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        named = self.source is not None and self.external_id is not None
        partly = self.source is not None or self.external_id is not None
        if named == (self.client_id is not None) or partly != named:
            raise FieldValueError("Give either source and external_id, or client_id.")
        return self

    def reference(self) -> Reference:
        """Return what the request names."""
        if self.client_id is not None:
            return ClientReference(self.client_id)
        return RecordReference(self.source or "", self.external_id or "")


_CHART = Field(
    default=None, description="Add a waterfall as a Vega-Lite specification, in this language."
)


class PairRequest(_Request):
    """Two records, two clients, or a record and a client."""

    left: SideRequest
    right: SideRequest
    chart: Language | None = _CHART


class HowRequest(_Request):
    """A client, by an id or by a record of its."""

    client: SideRequest


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class SentenceRead(_Answer):
    """One sentence in both languages. It holds no personal data."""

    en: str
    fr: str


class RecordRead(_Answer):
    """A source record and the client it is with now."""

    record_id: UUID
    source: str
    external_id: str
    client_id: UUID


class StepRead(_Answer):
    """What one attribute says. Weights are in bits, `log2(m / u)`."""

    attribute: str
    name: SentenceRead
    level: str = Field(description="Comparison level, as the model document names it.")
    weight: float
    counted: float = Field(
        description="What entered the sum; less than the weight for what a household shares."
    )
    before: float = Field(description="The sum before this step, the prior included.")
    after: float
    left: list[str] | None = Field(description="Normalised values of the left record.")
    right: list[str] | None
    sentence: SentenceRead


class SharedValueRead(_Answer):
    """An identifier that both have, and that counts for nothing."""

    kind: str
    value: str | None
    is_declared: bool = Field(
        description="Whether a steward declared it shared; else too many different people hold it."
    )
    declared_by: str | None
    since: datetime | None = Field(description="Null when nobody noted it.")
    sentence: SentenceRead


class GuardRead(_Answer):
    """What forbids a link whatever the weight."""

    code: str
    sentence: SentenceRead


class MatchRead(_Answer):
    """All that decided on two records: the steps lead from `prior` to `weight`."""

    decision: Decision
    weight: float
    probability: float
    prior: float
    link_weight: float
    review_weight: float
    steps: list[StepRead]
    not_compared: list[str] = Field(description="Attributes that one side or both do not have.")
    guard: GuardRead | None
    shared: list[SharedValueRead]
    sentence: SentenceRead


class ExplainedPairRead(_Answer):
    """Two records, and all that decided on them."""

    left: RecordRead
    right: RecordRead
    match: MatchRead


class PairRead(_Answer):
    """Two records and their weight, in short."""

    left: RecordRead
    right: RecordRead
    weight: float
    decision: Decision
    guard: str | None


class JoinRead(_Answer):
    """One step of a client's making: two groups of records became one."""

    number: int
    left: RecordRead
    right: RecordRead
    left_size: int = Field(description="Records that were with the left one before.")
    right_size: int
    by: str = Field(description="`link` or `judgement`.")
    match: MatchRead | None


class HindranceRead(_Answer):
    """What keeps two clients apart although two of their records link, or would."""

    reason: str = Field(
        description="`judgement`, `contradiction`, `too_many_values`, `kin_of_one_name`, "
        "`outweighed`, `weak_chain` or `rival`."
    )
    detail: str | None = Field(description="What contradicts, or of what there are too many.")
    between: tuple[RecordRead, RecordRead] | None
    sentence: SentenceRead


class RefusedLinkRead(_Answer):
    """A link that the partition did not follow, and why."""

    left: RecordRead
    right: RecordRead
    weight: float
    hindrance: HindranceRead


class JudgementRead(_Answer):
    """What a steward said of two records, and which binds."""

    left: RecordRead
    right: RecordRead
    verdict: str
    reason: str
    author: str
    made_at: datetime


class WhyRead(_Answer):
    """Why two sides are one client, or two."""

    model_version: str
    left_client_id: UUID
    right_client_id: UUID
    together: bool
    is_up_to_date: bool = Field(
        description="Whether forming the clients anew, with this model, gives what is stored."
    )
    are_candidates: bool = Field(
        description="Whether the strongest pair shares a blocking key that is not generic."
    )
    strongest: ExplainedPairRead
    pair_count: int
    pairs: list[PairRead] = Field(description="Pairs between the sides, strongest first.")
    path: list[JoinRead] = Field(description="When together: the joins that tie the pair.")
    refused: list[RefusedLinkRead]
    judgements: list[JudgementRead]
    sentence: SentenceRead


class ChangeRead(_Answer):
    """One attribute at another level; weights are what counts in the sum."""

    attribute: str
    name: SentenceRead
    from_level: str
    to_level: str
    counted_before: float
    counted_after: float
    sentence: SentenceRead


class TipRead(_Answer):
    """A smallest set of changes that reaches the link line, and what would still forbid it."""

    changes: list[ChangeRead]
    weight: float
    gain: float
    decision: Decision
    guard: GuardRead | None
    sentence: SentenceRead


class WhyNotRead(_Answer):
    """Why two sides are two clients, what came nearest, and what would have tipped it."""

    why: WhyRead
    tips: list[TipRead]
    hindrance: HindranceRead | None = Field(
        description="What would keep the two clients apart even if the pair linked."
    )


class ArrivalRead(_Answer):
    """One moment in the life of a client: a record came, or records moved."""

    at: datetime
    kind: str = Field(description="`record`, `merge`, `split`, `move` or `follow`.")
    record: RecordRead | None
    placement: str | None
    match: ExplainedPairRead | None = Field(
        description="The strongest link to a record that was there before."
    )
    client_id: UUID | None
    other_client_id: UUID | None
    record_ids: list[UUID]
    cause: str | None
    actor: str | None
    reason: str | None
    sentence: SentenceRead


class HowRead(_Answer):
    """How a client came to be: by the strength of the evidence, and in time."""

    model_version: str
    client_id: UUID
    is_up_to_date: bool
    records: list[RecordRead]
    by_evidence: list[JoinRead]
    by_time: list[ArrivalRead]
    judgements: list[JudgementRead]


class WhyAnswer(WhyRead):
    """Why two sides are one client, or two, with a chart when it was asked for."""

    chart: dict[str, Any] | None = Field(description="Vega-Lite; it holds no personal data.")


class WhyNotAnswer(WhyNotRead):
    """Why two sides are two clients, with a chart when it was asked for."""

    chart: dict[str, Any] | None = Field(description="Vega-Lite; it holds no personal data.")

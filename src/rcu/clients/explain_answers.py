"""What is asked about clients and records, and the answers: plain values, without the wire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rcu.identity.explanation import PairExplanation
from rcu.identity.model import Model
from rcu.identity.repository import StoredRecord
from rcu.identity.scoring import Decision
from rcu.identity.tipping import Tip
from rcu.identity.wording import Sentence


@dataclass(frozen=True, slots=True)
class RecordReference:
    """A source record, as its source names it."""

    source: str
    external_id: str


@dataclass(frozen=True, slots=True)
class ClientReference:
    """A client, by any id it ever had."""

    client_id: UUID


Reference = RecordReference | ClientReference


@dataclass(frozen=True, slots=True)
class Asking:
    """How to answer: under which model, with personal values or without, and how much."""

    model: Model
    """One that no other thread uses: answers are computed beside the event loop."""
    with_values: bool
    most_records: int | None = None
    """Records that may be compared for one answer; None for any number."""


@dataclass(frozen=True, slots=True)
class RecordSeen:
    """A source record in an explanation."""

    record_id: UUID
    source: str
    external_id: str
    client_id: UUID


@dataclass(frozen=True, slots=True)
class ExplainedPair:
    """Two records, and all that decided on them."""

    left: RecordSeen
    right: RecordSeen
    match: PairExplanation


@dataclass(frozen=True, slots=True)
class PairSeen:
    """Two records and their weight, in short."""

    left: RecordSeen
    right: RecordSeen
    weight: float
    decision: Decision
    guard: str | None


@dataclass(frozen=True, slots=True)
class Join:
    """One step of a client's making: two groups of records became one."""

    number: int
    left: RecordSeen
    right: RecordSeen
    left_size: int
    right_size: int
    by: str
    """`link` or `judgement`."""
    match: PairExplanation | None
    """The link; for a judgement the evidence beside it, where the two were compared."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What keeps two clients apart although two of their records link, or would."""

    reason: str
    detail: str | None
    between: tuple[RecordSeen, RecordSeen] | None
    """The two records that contradict, were judged, or are rivals."""
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class RefusedLink:
    """A link that the partition did not follow, and why."""

    left: RecordSeen
    right: RecordSeen
    weight: float
    hindrance: Hindrance


@dataclass(frozen=True, slots=True)
class BindingJudgement:
    """What a steward said of two records, and which binds."""

    left: RecordSeen
    right: RecordSeen
    verdict: str
    reason: str
    author: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the question: the record, or the profile records of the client."""

    client_id: UUID
    records: tuple[StoredRecord, ...]
    is_client: bool

    @property
    def ids(self) -> list[UUID]:
        """The ids of its records."""
        return [record.id for record in self.records]


@dataclass(frozen=True, slots=True)
class Why:
    """Why two sides are one client, or two."""

    model_version: str
    left_client_id: UUID
    right_client_id: UUID
    together: bool
    is_up_to_date: bool
    """Whether forming the clients anew, with this model, gives what is stored."""
    are_candidates: bool
    """Whether the strongest pair shares a blocking key: without one nobody compares it."""
    strongest: ExplainedPair
    pair_count: int
    pairs: tuple[PairSeen, ...]
    """The pairs between the two sides, strongest first."""
    path: tuple[Join, ...]
    """When together: the steps that tie the strongest pair, from its left to its right."""
    refused: tuple[RefusedLink, ...]
    judgements: tuple[BindingJudgement, ...]
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why two sides are two clients, what came nearest, and what would have tipped it."""

    why: Why
    tips: tuple[Tip, ...]
    hindrance: Hindrance | None
    """What would keep the two clients apart even if the pair linked."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One moment in the life of a client: a record came, or records moved."""

    at: datetime
    kind: str
    """`record`, `merge`, `split`, `move` or `follow`."""
    record: RecordSeen | None
    placement: str | None
    match: ExplainedPair | None
    """The strongest link to a record that was there before."""
    client_id: UUID | None
    other_client_id: UUID | None
    record_ids: tuple[UUID, ...]
    cause: str | None
    actor: str | None
    reason: str | None
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class How:
    """How a client came to be."""

    model_version: str
    client_id: UUID
    is_up_to_date: bool
    records: tuple[RecordSeen, ...]
    by_evidence: tuple[Join, ...]
    """As the partition forms it: judgements first, then links, strongest first."""
    by_time: tuple[Arrival, ...]
    judgements: tuple[BindingJudgement, ...]

"""What the engine is asked to run, what a run came to, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.context import ExecutionContext
from engine.cost_budgets import NO_BUDGET, CostBudget
from engine.document.persisted_operations import ClientApplication, RegisteredTerms
from engine.operation_meter import NoOperationMeter, OperationMeter
from engine.reporting.refused_fields import NoRefusalRecorder, RefusalRecorder
from engine.reporting.subject_reads import NoReadRecorder, ReadRecorder
from engine.request import GraphQLRequest, GraphQLResponse
from records.calls.spans import Span


class RunRequest(NamedTuple):
    """One GraphQL request, with what the engine has to know of its caller.

    A tuple, since one is made for each request: by position it takes a fifth of the time of a dataclass.
    """

    request: GraphQLRequest
    context_factory: Callable[[], ExecutionContext]
    """Builds what the schema's fields get as `info.context`. Not called for a request that joins another's run."""
    request_id: str
    caller_key: Hashable = None
    """All that rules and batches may read of the caller. Requests share a run only where these are equal, or where the
    answer does not depend on the caller."""
    deadline: float = 0.0
    """When the caller stops waiting, on the clock of `time.monotonic`. Requests with distant deadlines share no run."""
    application: ClientApplication | None = None
    """The client, where the caller's token names one."""
    share_run: bool = True
    """False where an answer that depends on the caller may depend on what they changed a moment ago."""
    budget: CostBudget = NO_BUDGET
    """Pays for the estimated cost before any agency is asked, also where the run is shared."""
    allow_introspection: bool = True
    """Whether this caller may read the schema, where the rules allow it to anybody."""
    span: Span | None = None
    """The request's span, where it is traced."""
    require_new_run: bool = False
    """Whether the caller wants current values: an earlier request's run is not joined, as it may have asked already."""


class RunResult(NamedTuple):
    """What came of one request."""

    response: GraphQLResponse
    """Must not leave before its reads are recorded."""
    operation_name: str | None
    document: str
    """The document's text."""
    terms: RegisteredTerms | None
    """Where the operation is registered."""
    points: int
    """The estimated cost, as far as it was estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReporting:
    """Who is told: of reads before an answer leaves, of operations and of refusals after it."""

    recorder: ReadRecorder = field(default_factory=NoReadRecorder)
    """Records what an answer holds of whom, for each caller who shares it."""
    meter: OperationMeter = field(default_factory=NoOperationMeter)
    refusals: RefusalRecorder = field(default_factory=NoRefusalRecorder)
    """Counts refusals by caller."""
    track_reads: bool = False
    """Whether reads are worked out although nothing records them."""

    @property
    def needs_reads(self) -> bool:
        """Whether a run has to work out what its answer holds of whom."""
        return self.track_reads or not isinstance(self.recorder, NoReadRecorder)


NO_REPORTING = RunReporting()

"""The input and the result of a run of the engine, and the receivers of its reports."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.batch import ExecutionContext
from engine.cost_budgets import NO_BUDGET, CostBudget
from engine.document.persisted_operations import ClientApplication, RegisteredTerms
from engine.operation_meter import COMPLETE, PARTIAL, NoOperationMeter, OperationMeter
from engine.plan.operation_cache import CachedOperation
from engine.reporting import (
    NoReadRecorder,
    NoRefusalRecorder,
    NoUseRecorder,
    ReadRecorder,
    RefusalRecorder,
    UseRecorder,
)
from engine.request import GraphQLRequest, GraphQLResponse
from records.calls.spans import Span
from records.calls.subject_reads import hash_document


class RunRequest(NamedTuple):
    """One GraphQL request, with what the engine needs to know about its caller.

    A tuple, because one is built for each request: by position it takes a fifth of the time of a dataclass.
    """

    request: GraphQLRequest
    context_factory: Callable[[], ExecutionContext]
    """Builds the `info.context` of the schema's fields. Not called for a request that joins another's run."""
    request_id: str
    caller_key: Hashable = None
    """Everything that rules and batches may read of the caller. Requests share a run only if their keys are equal, or
    if the answer does not depend on the caller."""
    deadline: float = 0.0
    """When the caller stops waiting, on the clock of `time.monotonic`. Requests with distant deadlines share no run."""
    application: ClientApplication | None = None
    """The client application, if the caller's token names one."""
    share_run: bool = True
    """False if the answer may depend on a change that the caller made a moment ago."""
    budget: CostBudget = NO_BUDGET
    """Pays the estimated cost before any agency is called, for shared runs as well."""
    allow_introspection: bool = True
    """Whether this caller may use introspection, if the rules allow it at all."""
    span: Span | None = None
    """The request's span, if it is traced."""
    language: Hashable = None
    """The language of texts for the caller. Answers that depend on the caller are shared within one language."""
    require_new_run: bool = False
    """Whether the caller wants current values: it joins no earlier run, whose calls may be done already."""


class RunResult(NamedTuple):
    """The result of one request."""

    response: GraphQLResponse
    """Must not be sent before its reads are recorded."""
    operation_name: str | None
    operation: CachedOperation | None
    """The operation; None if it was refused before it was known."""
    document: str
    """The document's text."""
    terms: RegisteredTerms | None
    """The terms of a registered operation."""
    points: int
    """The estimated cost; 0 before the estimate."""
    coordinates: frozenset[str] = frozenset()
    """The schema coordinates of its fields; none if it was not executed."""

    def hash_document(self) -> bytes:
        """The hash of the document, for the ledger."""
        return hash_document(self.document) if self.operation is None else self.operation.hash_document(self.document)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReporting:
    """The receivers of reports: reads before an answer is sent, operations and refusals after it."""

    recorder: ReadRecorder = field(default_factory=NoReadRecorder)
    """Records the reads of an answer, for each caller who shares it."""
    meter: OperationMeter = field(default_factory=NoOperationMeter)
    refusals: RefusalRecorder = field(default_factory=NoRefusalRecorder)
    """Counts refusals by caller."""
    uses: UseRecorder = field(default_factory=NoUseRecorder)
    """Counts the operations that were answered, by their fields."""
    track_reads: bool = False
    """Whether reads are tracked although no recorder stores them."""

    @property
    def needs_reads(self) -> bool:
        """Whether runs have to track the reads of their answers."""
        return self.track_reads or not isinstance(self.recorder, NoReadRecorder)

    def record_run(
        self, names: tuple[str, str], outcome: str, points: int, coordinates: frozenset[str], seconds: float
    ) -> None:
        """Count a finished operation, and its uses if it was answered. `names` as for `OperationMeter`."""
        self.record_runs(names, outcome, points, coordinates, (seconds,))

    def record_runs(
        self,
        names: tuple[str, str],
        outcome: str,
        points: int,
        coordinates: frozenset[str],
        durations: Sequence[float],
    ) -> None:
        """Count an operation for each of the requests that shared its run; `durations` are their seconds."""
        if outcome in {COMPLETE, PARTIAL}:
            self.uses.record(coordinates, len(durations))
        self.meter.record_runs(names, outcome, points, durations)


NO_REPORTING = RunReporting()

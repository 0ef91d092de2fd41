"""What requests share: pending runs, and the bytes of public answers.

A request whose operation and answer came before needs no run. `SharedAnswers` lets it take the kept answer,
or wait for the pending one, without a task (`web/graphql/repeated_requests.py`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial

from engine.batch import NO_BATCH_CACHE, BatchCache
from engine.document.parsing import may_be_introspection
from engine.document.persisted_operations import PersistedDocuments
from engine.operation_meter import JOINED, KEPT, UNREGISTERED, classify_outcome
from engine.plan.operation_cache import OperationCache, SharedOperation
from engine.plan.plan import Plan
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run_request import NO_REPORTING, RunReporting, RunRequest
from engine.sharing.kept_answers import KeptAnswers
from engine.sharing.single_flight import SharedRun, SingleFlight


class SharedAnswers:
    """The pending runs and kept answers of one engine."""

    def __init__(
        self,
        operation_cache: OperationCache,
        documents: PersistedDocuments,
        reporting: RunReporting,
        batch_cache: BatchCache,
    ) -> None:
        """Starts without answers. `batch_cache` is the cache of the engine's requests."""
        on_join = partial(reporting.meter.record_shared, JOINED, 1)
        self.pending: SingleFlight[GraphQLResponse] = SingleFlight(on_join)
        self.kept = KeptAnswers(batch_cache)
        self._operation_cache = operation_cache
        self._documents = documents
        self._reporting = reporting

    @classmethod
    def without_engine(cls) -> SharedAnswers:
        """Nothing is shared."""
        return cls(OperationCache(), PersistedDocuments(), NO_REPORTING, NO_BATCH_CACHE)

    def find_operation(self, request: GraphQLRequest) -> SharedOperation | None:
        """The operation of an anonymous POST without variables, if its answer is the same for all callers."""
        if self._documents.must_check_text:
            return None
        cached = self._operation_cache.find((request.query, request.operation_name))
        return None if cached is None else cached.shared

    def find(self, operation: SharedOperation, deadline: float) -> GraphQLResponse | SharedRun[GraphQLResponse] | None:
        """The kept answer, or the pending run for this deadline (`time.monotonic`); None if there is neither."""
        kept = self.kept
        return (kept.find(operation.key) if kept.is_enabled else None) or self.pending.find(operation.key, deadline)

    def record_kept(self, count: int) -> None:
        """Count requests that get a kept answer."""
        self._reporting.meter.record_shared(KEPT, count)

    def report(self, operation: SharedOperation, response: GraphQLResponse, durations: Sequence[float]) -> None:
        """Count the operation of requests that got this response; `durations` are their seconds.

        Raises:
            RuntimeError: As `check_impersonal`, which comes before the response is sent.

        """
        check_impersonal(response)
        outcome = classify_outcome(response)
        self._reporting.record_runs(UNREGISTERED, outcome, operation.points, operation.coordinates, durations)


def check_impersonal(response: GraphQLResponse) -> None:
    """Check a response before it is sent to those who did not ask for it first.

    Raises:
        RuntimeError: The answer contains personal data, so it must not be sent without a record of its reads.

    """
    if response.reads or response.refusals:
        raise RuntimeError("A public answer has reads of personal data or refusals.")


def may_share(plan: Plan, run_request: RunRequest) -> bool:
    """Whether equal requests may get the answer of this run."""
    if plan.is_serial or run_request.require_new_run or run_request.request.extensions:
        return False
    return run_request.share_run or not plan.depends_on_caller


def build_shared_operation(
    plan: Plan, share_key: Hashable | None, run_request: RunRequest, points: int
) -> SharedOperation | None:
    """What equal requests share; None if callers or requests need different checks."""
    request = run_request.request
    is_checked = run_request.application is not None or request.document_id is not None
    if plan.depends_on_caller or request.variables or is_checked or not may_share(plan, run_request):
        return None
    if may_be_introspection(request.query):
        return None
    return SharedOperation(share_key, points, plan.coordinates)

"""Batches, the only kind of read: many keys in, one answer for each key out, one call for all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from engine.agencies.bindings import Agencies
from engine.agencies.routing_log import NO_ROUTING, RoutingLog
from engine.command import Command
from records.calls.answers import Answers, DatedAnswers
from records.calls.call import Call
from records.calls.freshness import BatchCaching, Freshness, Staleness
from records.calls.spans import AttributeValue, Span, get_failure_code
from records.record import record

C = TypeVar("C")
D = TypeVar("D")
F = TypeVar("F")
K = TypeVar("K")
V = TypeVar("V")

COPY: Final = "copy"
"""The reason of a date in an answer: it comes from a copy of the agency's data."""
OVERDUE: Final = "overdue"
"""The same, if the copy is older than its manifest allows."""

NEVER_ABSENT: Final = "never absent"
"""The `absent` of a batch that answers every key."""

Facet: TypeAlias = type[Any] | None
"""A part of the answers of a batch of facets, by its record class; None for other batches."""


class UnansweredKey(Exception):  # noqa: N818 - reads as what it is
    """A batch that answers every key left one out: a fault of the hub or of a connector."""


class BatchCache(Protocol):
    """Reads batches through a cache."""

    async def read(
        self,
        batch: Batch[Any, Any],
        keys: Sequence[Any],
        context: BatchContext[Any],
        recorder: FreshnessRecorder | None = None,
    ) -> Answers[Any, Any]:
        """Answer like the batch, from the cache where possible. `recorder` receives the freshness of the answers."""

    def get_version(self) -> Hashable:
        """A value that changes when anything is invalidated; None if nothing is cached."""

    @property
    def may_miss_invalidations(self) -> bool:
        """Whether invalidations of other processes may be missed, so that no cached personal answer may be used."""

    def clock(self) -> float:
        """The time by which answers become stale, in seconds."""


class FreshnessRecorder(Protocol):
    """Receives the freshness of answers."""

    def record_stale(self, batch: Batch[Any, Any], key: Hashable, facet: Facet, staleness: Staleness, /) -> None:
        """Record a stale answer; for a batch of facets, with the facet."""

    def record_lifetime(self, freshness: Freshness | None, age: float, fresh: float, /) -> None:
        """Record one call: the age of its oldest answer, and how long all answers remain fresh, in seconds.

        `freshness` is that of its batch; None if its answers are for one use.
        """


class NoBatchCache:
    """Caches nothing: each request makes its own calls."""

    def read(
        self,
        batch: Batch[Any, Any],
        keys: Sequence[Any],
        context: BatchContext[Any],
        recorder: FreshnessRecorder | None = None,
    ) -> Coroutine[Any, Any, Answers[Any, Any]]:
        """Call the batch."""
        return _load_uncached(batch, keys, context, recorder)

    def get_version(self) -> None:
        """Nothing is cached."""

    @property
    def may_miss_invalidations(self) -> bool:
        """Nothing is cached."""
        return False

    def clock(self) -> float:
        """The time, which no answer needs."""
        return 0.0


NO_BATCH_CACHE = NoBatchCache()


def load_answers(
    batch: Batch[K, Any], keys: Sequence[K], context: BatchContext[Any], recorder: FreshnessRecorder | None = None
) -> Coroutine[Any, Any, Answers[K, Any]]:
    """Load the answers of a batch, through the cache if its answers may be cached."""
    load: Callable[..., Coroutine[Any, Any, Answers[K, Any]]] = _load_uncached
    agencies = context.agencies
    router = agencies.routers.get(batch.domain) if batch.domain is not None else None
    if router is not None:
        load = router.load
    elif batch.caching is not None and agencies.get_freshness(batch) is not None:
        load = context.batch_cache.read
    span = context.call.span
    if span is not None and span.is_sampled:
        return _load_traced(load, batch, keys, context, recorder, parent_span=span)
    return load(batch, keys, context, recorder)


async def _load_uncached(
    batch: Batch[K, Any], keys: Sequence[K], context: BatchContext[Any], recorder: FreshnessRecorder | None
) -> Answers[K, Any]:
    if batch.reads:
        context = replace(context, recorder=recorder)
    answers = await run_batch(batch, keys, context)
    if recorder is not None and isinstance(answers, DatedAnswers):
        _record_copy(recorder, batch, keys, answers, context.agencies.codes.get(batch.domain))
    elif recorder is not None and not batch.is_fixed:
        freshness, fresh = None, 0.0
        if batch.caching is not None and (freshness := context.agencies.get_freshness(batch)) is not None:
            all_known = len(answers) >= len(keys)
            fresh = freshness.fresh if all_known else min(freshness.fresh, freshness.unknown_key_seconds)
        recorder.record_lifetime(freshness, 0.0, fresh)
    return answers


def _record_copy(
    recorder: FreshnessRecorder,
    batch: Batch[K, Any],
    keys: Sequence[K],
    answers: DatedAnswers[K, Any],
    agency: str | None,
) -> None:
    """Record that the answers, also those for keys that are absent, come from a copy."""
    is_overdue = datetime.now(UTC) - answers.as_of > timedelta(seconds=answers.max_age)
    reason = OVERDUE if is_overdue else COPY
    staleness = Staleness(as_of=answers.as_of, reason=reason, agency=agency, is_stale=is_overdue)
    for key in keys:
        recorder.record_stale(batch, key, None, staleness)
    recorder.record_lifetime(None, 0.0, answers.fresh)


async def _load_traced(
    load: Callable[..., Coroutine[Any, Any, Answers[K, Any]]],
    batch: Batch[K, Any],
    keys: Sequence[K],
    context: BatchContext[Any],
    recorder: FreshnessRecorder | None,
    *,
    parent_span: Span,
) -> Answers[K, Any]:
    """Load the answers, traced as one span for all keys."""
    noted: Mapping[str, AttributeValue] = {
        "simpul.batch": batch.name,
        "simpul.agency": context.agencies.codes.describe(batch.domain),
        "simpul.keys": len(keys),
    }
    span = parent_span.start_child(f"batch {batch.name}", noted)
    context = replace(context, call=replace(context.call, span=span))
    try:
        answers = await load(batch, keys, context, recorder)
    except BaseException as failure:
        span.end(get_failure_code(failure))
        raise
    failed = [each for each in answers.values() if isinstance(each, Exception)]
    if failed:
        span.set_attribute("simpul.failed", len(failed))
    span.end(get_failure_code(failed[0]) if failed else None)
    return answers


def group_keys(wanted: Mapping[F, Iterable[K]]) -> Mapping[tuple[F, ...], list[K]]:
    """Group keys by the facets that are wanted of them. Each group is one call, which fetches no unwanted facet."""
    facets_of: dict[K, list[F]] = {}
    for facet, keys in wanted.items():
        for key in keys:
            facets_of.setdefault(key, []).append(facet)
    groups: dict[tuple[F, ...], list[K]] = {}
    for key, facets in facets_of.items():
        groups.setdefault(tuple(facets), []).append(key)
    return groups


def run_batch(batch: Batch[K, Any], keys: Sequence[K], context: BatchContext[Any]) -> Awaitable[Answers[K, Any]]:
    """Call the agency of a batch, without the cache."""
    code = context.agencies.codes.get(batch.domain)
    if code is not None:
        context.agencies.read_counts[code].keys.add(len(keys))
    return batch.run(keys, context)


@record
class BatchContext(Generic[C]):
    """What a batch can read of its request."""

    caller: C
    """The caller."""
    call: Call
    """The deadline and the id of the request."""
    agencies: Agencies
    facets: frozenset[type[Any]] = frozenset()
    """For a batch of facets: the wanted record classes; it fetches nothing else."""
    batch_cache: BatchCache = NO_BATCH_CACHE
    """The cache of answers; by default, none."""
    routing_log: RoutingLog = NO_ROUTING
    """What the request reads from domains that several agencies answer, and what is missing from answers."""
    recorder: FreshnessRecorder | None = None
    """For a batch that reads others: receives the freshness of their answers."""
    fetched: dict[Hashable, Any] = field(default_factory=dict)
    """What batches of this request have fetched for others of it that need current answers, and may not use a cache."""


class ExecutionContext(Protocol):
    """The part of the schema's context that the engine uses."""

    @property
    def call(self) -> Call:
        """What every call to an agency carries, such as the deadline of the request."""

    def build_batch_context(self, facets: frozenset[type[Any]]) -> BatchContext[Any]:
        """The context of a batch call of this request, for the wanted facets."""

    async def close(self) -> None:
        """Cancel batches that are still running after graphql-core. Runs of plans leave none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch(Generic[K, V]):
    """A named read, equal only to itself: two steps merge only if they use the same batch.

    With `has_facets`, one answer maps the wanted record classes to records, so that a group of fields is fetched on
    demand only.
    """

    name: str
    domain: type[Any] | None
    """The protocol of its domain, whose agency is called; None if the hub itself knows the answer."""
    run: Callable[[Sequence[K], BatchContext[Any]], Awaitable[Answers[K, V]]]
    read: str | None = None
    """The read of the domain whose lifetimes its answers have, if its name is another."""
    has_facets: bool = False
    absent: object = None
    """The answer for a key that the agency does not know: null, an empty list, or `NEVER_ABSENT`."""
    max_batch_size: int | None = None
    """Maximum number of keys in one call to the agency; None for no limit. The connector limits the fan-out."""
    depends_on_caller: bool = False
    """Whether the answer depends on the caller. Such answers are never shared between callers."""
    caching: BatchCaching | None = None
    """How answers may be cached, for as long as their agency's manifest says; None if each request loads them."""
    is_fixed: bool = False
    """Whether its answers never change while the hub runs."""
    scanned_rows: int = 0
    """Rows that may be looked at to answer one key, as for a search; they count in the cost of an operation."""
    works_without_agency: bool = False
    """Whether the hub itself answers where no agency answers the domain; other fields leave the graph."""
    accepts: Command[Any] | None = None
    """The command that the hub accepts by it. Where no agency offers the command, its field leaves the graph."""
    reads: tuple[Batch[Any, Any], ...] = ()
    """Other batches that it reads, each once for any number of keys. They count in the cost of an operation."""
    join: Callable[[K, Sequence[V]], V] | None = None
    """From a key and the answers of several agencies to one answer; None for lists, which are appended."""
    get_regions: Callable[[K], Sequence[str]] | None = None
    """The regions to which a key is limited, for a choice among several agencies; none for the whole city."""
    names_no_person: bool = False
    """Whether a call discloses no person, although its answers are about some."""
    description: str = ""

    @property
    def domain_read(self) -> str:
        """The read of the domain that answers it."""
        return self.read or self.name

    @property
    def is_answered_by_reads(self) -> bool:
        """Whether it makes no call itself: one of the batches that it reads is its read of the domain."""
        return any((each.domain, each.domain_read) == (self.domain, self.domain_read) for each in self.reads)

    @property
    def is_public(self) -> bool:
        """Whether a call discloses no person, so that any agency may be called."""
        return self.names_no_person or (self.caching is not None and not self.caching.is_personal)

    def get_absent_answer(self) -> object:
        """The answer for a key that the answers leave out; a failure if the batch answers every key."""
        return UnansweredKey(f"{self!r} left a key out.") if self.absent is NEVER_ABSENT else self.absent

    def __post_init__(self) -> None:
        """Refuse to cache answers that depend on the caller."""
        if self.depends_on_caller and self.caching is not None:
            raise TypeError(f"{self!r} depends on the caller, so its answers cannot be cached.")
        if self.is_fixed and (self.domain is not None or self.caching is not None or self.depends_on_caller):
            raise TypeError(f"{self!r} cannot be fixed: only answers that the hub itself knows never change.")

    def __repr__(self) -> str:
        """Name and domain."""
        return f"<Batch {self.name} of {'the hub' if self.domain is None else self.domain.__name__}>"


def batch(  # noqa: PLR0913 - a declaration: its parameters are the fields of what is declared
    *,
    domain: type[Any] | None,
    read: str | None = None,
    has_facets: bool = False,
    absent: object = None,
    max_batch_size: int | None = None,
    depends_on_caller: bool = False,
    caching: BatchCaching | None = None,
    is_fixed: bool = False,
    works_without_agency: bool = False,
    accepts: Command[Any] | None = None,
    reads: tuple[Batch[Any, Any], ...] = (),
) -> Callable[[Callable[[Sequence[K], BatchContext[Any]], Awaitable[Answers[K, V]]]], Batch[K, V]]:
    """Make a batch of an async function from many keys to many answers.

    >>> @batch(domain=Registry)
    ... async def households_of(niks: Sequence[Nik], ask: Ask) -> Answers[Nik, Household]: ...
    """

    def declare(run: Callable[[Sequence[K], BatchContext[Any]], Awaitable[Answers[K, V]]]) -> Batch[K, V]:
        return Batch(
            name=run.__name__,
            domain=domain,
            run=run,
            read=read,
            has_facets=has_facets,
            absent=absent,
            max_batch_size=max_batch_size,
            depends_on_caller=depends_on_caller,
            caching=caching,
            is_fixed=is_fixed,
            works_without_agency=works_without_agency,
            accepts=accepts,
            reads=reads,
            description=(run.__doc__ or "").strip(),
        )

    return declare


def forward(  # noqa: PLR0913 - a declaration: its parameters are the fields of what is declared
    domain: type[D],
    read: Callable[[D, Sequence[K], Call], Awaitable[Answers[K, V]]],
    *,
    name: str | None = None,
    is_of_hub: bool = False,
    absent: object = None,
    max_batch_size: int | None = None,
    caching: BatchCaching | None = None,
    is_fixed: bool = False,
    join: Callable[[K, Sequence[V]], V] | None = None,
    get_regions: Callable[[K], Sequence[str]] | None = None,
    scanned_rows: int = 0,
) -> Batch[K, V]:
    """Make a batch of a read of a domain protocol, with its name, types and docstring. Keys are forwarded unchanged.

    With `is_of_hub`, the hub itself answers the domain, and no agency.

    >>> households_of = forward(Registry, Registry.households_of)
    """
    method = read.__name__

    @wraps(read)
    def run(keys: Sequence[K], context: BatchContext[Any]) -> Awaitable[Answers[K, V]]:
        answers: Awaitable[Answers[K, V]] = getattr(context.agencies[domain], method)(keys, context.call)
        return answers

    return Batch(
        name=name or method,
        domain=None if is_of_hub else domain,
        run=run,
        read=method,
        absent=absent,
        max_batch_size=max_batch_size,
        caching=caching,
        is_fixed=is_fixed,
        join=join,
        get_regions=get_regions,
        scanned_rows=scanned_rows,
        description=(read.__doc__ or "").strip(),
    )

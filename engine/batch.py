"""A batch: the only kind of read there is. Many keys in, one answer a key out, one call for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, cast

from engine.asked import AgencyReads
from records.answers import Answers
from records.call import Call
from records.freshness import Freshness, Staleness
from records.spans import Noted, Span, code_of

C = TypeVar("C")
D = TypeVar("D")
K = TypeVar("K")
V = TypeVar("V")


class Agencies:
    """The connectors of this hub, found by the domain whose batches they answer.

    `ask.agencies[Population]` is the connector bound to the domain protocol `Population`.
    """

    def __init__(self, bound: Mapping[type[Any], Any]) -> None:
        """Keep the bindings that the composition root made; its types guarantee that each connector fits its domain."""
        self._bound = dict(bound)
        self.reads: defaultdict[str, AgencyReads] = defaultdict(AgencyReads)
        """How much was read, by agency."""

    def __getitem__(self, domain: type[D]) -> D:
        """The connector bound to the domain; `LookupError` where the composition root bound none."""
        try:
            return cast("D", self._bound[domain])
        except KeyError:
            raise LookupError(
                f"No connector is bound to the domain {domain.__name__}; bind one in wiring/agencies.py."
            ) from None

    def optional(self, domain: type[D], otherwise: D) -> D:
        """The connector bound to the domain, or the given null object."""
        return cast("D", self._bound.get(domain, otherwise))

    def extended_by(self, bound: Mapping[type[Any], Any]) -> Agencies:
        """The same, with these bindings besides."""
        return Agencies({**self._bound, **bound})

    def __repr__(self) -> str:
        """The bound domains."""
        return f"<Agencies {', '.join(sorted(domain.__name__ for domain in self._bound))}>"


class Keeping(Protocol):
    """Reads through what is kept."""

    async def read(
        self, batch: Batch[Any, Any], keys: Sequence[Any], ask: Ask[Any], notes: Notes | None = None
    ) -> Answers[Any, Any]:
        """As the batch would answer; what is kept is not asked for. `notes` are told how fresh it is."""


class Notes(Protocol):
    """Who wants to know how fresh answers are."""

    def stale(self, batch: Batch[Any, Any], key: Hashable, facet: type[Any] | None, staleness: Staleness, /) -> None:
        """Note an answer that is no longer fresh; the facet, where it is one."""

    def lasts(self, batch: Batch[Any, Any], age: float, fresh: float, /) -> None:
        """Note what one call gave: the oldest of it said so many seconds ago, all of it fresh for so many more."""


async def answers_of(
    batch: Batch[K, Any], keys: Sequence[K], ask: Ask[Any], notes: Notes | None = None
) -> Answers[K, Any]:
    """What a batch answers, read through what is kept where its answers may be."""
    span = ask.call.span
    if span is not None and span.sampled:
        return await _traced(batch, keys, ask, notes, span)
    return await _answers_of(batch, keys, ask, notes)


async def _answers_of(batch: Batch[K, Any], keys: Sequence[K], ask: Ask[Any], notes: Notes | None) -> Answers[K, Any]:
    freshness = batch.freshness
    if freshness is not None and ask.keeping is not None:
        return await ask.keeping.read(batch, keys, ask, notes)
    answers = await asked(batch, keys, ask)
    if notes is not None and not batch.fixed:
        notes.lasts(batch, 0.0, 0.0 if freshness is None else _fresh(freshness, all_known=len(answers) >= len(keys)))
    return answers


def _fresh(freshness: Freshness, *, all_known: bool) -> float:
    """How many seconds it is fresh what was said just now."""
    return freshness.fresh if all_known else min(freshness.fresh, freshness.absent)


async def _traced(
    batch: Batch[K, Any], keys: Sequence[K], ask: Ask[Any], notes: Notes | None, within: Span
) -> Answers[K, Any]:
    """The same, told of in one span for all keys."""
    agency = batch.agency or "hub"
    noted: Mapping[str, Noted] = {"simpul.batch": batch.name, "simpul.agency": agency, "simpul.keys": len(keys)}
    span = within.begin(f"batch {batch.name}", noted)
    ask = replace(ask, call=replace(ask.call, span=span))
    try:
        answers = await _answers_of(batch, keys, ask, notes)
    except BaseException as failure:
        span.end(code_of(failure))
        raise
    failed = [each for each in answers.values() if isinstance(each, Exception)]
    if failed:
        span.note("simpul.failed", len(failed))
    span.end(code_of(failed[0]) if failed else None)
    return answers


async def asked(batch: Batch[K, Any], keys: Sequence[K], ask: Ask[Any]) -> Answers[K, Any]:
    """What the agency of a batch says, whatever is kept."""
    if batch.agency is not None:
        ask.agencies.reads[batch.agency].keys.add(len(keys))
    return await batch.run(keys, ask)


@dataclass(frozen=True, kw_only=True)  # no slots: Python 3.11 cannot make a frozen one by its alias `Ask[Caller]`
class Ask(Generic[C]):
    """Everything a batch may know about the request it works for."""

    caller: C
    """Who asks."""
    call: Call
    """Until when, and for which request."""
    agencies: Agencies
    facets: frozenset[type[Any]] = frozenset()
    """For a batch of facets: the record classes that are wanted; nothing else may be fetched."""
    keeping: Keeping | None = None
    """Who keeps answers; None where each is asked for anew."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch(Generic[K, V]):
    """A named read. Equal only to itself: two steps merge when they want the very same batch.

    With `facets`, one answer is a mapping from the wanted record classes to records, so that a group of fields is
    fetched only where it is asked for.
    """

    name: str
    agency: str | None
    """The agency that is asked; None where the hub knows the answer by itself."""
    run: Callable[[Sequence[K], Ask[Any]], Awaitable[Answers[K, V]]]
    facets: bool = False
    absent: object = None
    """What a key stands for that the agency does not know: null, or an empty list."""
    keys_a_call: int | None = None
    """How many keys the agency takes in one call; None where it takes them all. The connector bounds the fan-out."""
    reads_caller: bool = False
    """Whether the answer depends on who asks: such answers are never shared between callers."""
    freshness: Freshness | None = None
    """How long its answers may be used; None where each request asks for them."""
    fixed: bool = False
    """Whether its answers never change while the hub runs."""
    says: str = ""

    def __post_init__(self) -> None:
        """Refuse to keep what is not everybody's who may see it."""
        if self.reads_caller and self.freshness is not None:
            raise TypeError(f"{self!r} depends on who asks: what it answers cannot be kept for others.")
        if self.fixed and (self.agency is not None or self.freshness is not None or self.reads_caller):
            raise TypeError(f"{self!r} cannot be fixed: only what the hub knows by itself never changes.")

    def __repr__(self) -> str:
        """Name and agency."""
        return f"<Batch {self.name} of {self.agency or 'the hub'}>"


def batch(
    *,
    agency: str | None,
    facets: bool = False,
    absent: object = None,
    keys_a_call: int | None = None,
    reads_caller: bool = False,
    freshness: Freshness | None = None,
    fixed: bool = False,
) -> Callable[[Callable[[Sequence[K], Ask[Any]], Awaitable[Answers[K, V]]]], Batch[K, V]]:
    """Make a batch of an async function from many keys to many answers.

    >>> @batch(agency="dukcapil")
    ... async def households_of(niks: Sequence[Nik], ask: Ask) -> Answers[Nik, Household]: ...
    """

    def declare(run: Callable[[Sequence[K], Ask[Any]], Awaitable[Answers[K, V]]]) -> Batch[K, V]:
        return Batch(
            name=run.__name__,
            agency=agency,
            run=run,
            facets=facets,
            absent=absent,
            keys_a_call=keys_a_call,
            reads_caller=reads_caller,
            freshness=freshness,
            fixed=fixed,
            says=(run.__doc__ or "").strip(),
        )

    return declare

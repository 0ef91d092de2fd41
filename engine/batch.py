"""A batch: the only kind of read there is. Many keys in, one answer a key out, one call for all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from records.answers import Answers
from records.call import Call

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

    def __getitem__(self, domain: type[D]) -> D:
        """The connector bound to the domain; `LookupError` where the composition root bound none."""
        try:
            return cast("D", self._bound[domain])
        except KeyError:
            raise LookupError(
                f"No connector is bound to the domain {domain.__name__}; bind one in wiring/agencies.py."
            ) from None

    def __repr__(self) -> str:
        """The bound domains."""
        return f"<Agencies {', '.join(sorted(domain.__name__ for domain in self._bound))}>"


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
    says: str = ""

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
            says=(run.__doc__ or "").strip(),
        )

    return declare

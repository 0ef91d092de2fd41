"""The connectors of a hub, bound to the domains whose batches they answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from engine.agencies.agency_codes import ANY_AGENCIES, AgencyCodes
from records.calls.answers import Answers
from records.calls.freshness import Freshness, ReadLifetimes
from records.histogram import KEY_COUNTS, Histogram

if TYPE_CHECKING:  # batches are called with these bindings
    from engine.batch import Batch, BatchContext, FreshnessRecorder

D = TypeVar("D")


class KeyRouter(Protocol):
    """Reads the batches of a domain from several agencies."""

    def find_serving(self, read: str, regions: Sequence[str]) -> tuple[str, ...]:
        """The agencies that have a read and serve one of the regions; in all regions if none is named."""

    def load(
        self,
        batch: Batch[Any, Any],
        keys: Sequence[Any],
        context: BatchContext[Any],
        recorder: FreshnessRecorder | None,
    ) -> Coroutine[Any, Any, Answers[Any, Any]]:
        """The answers of all agencies that the keys are sent to."""


@dataclass(slots=True)
class AgencyReadCounts:
    """Counts of keys that requests wanted of one agency since the process started."""

    keys: Histogram = field(default_factory=lambda: Histogram(KEY_COUNTS))
    """Keys of each call to its connector."""
    first_requests: int = 0
    """Keys that a request wanted for the first time."""
    repeated_requests: int = 0
    """Keys that a request had wanted before: they cost nothing."""


class Agencies:
    """The connectors of this hub, by the domain whose batches they answer.

    `context.agencies[Population]` is the connector bound to the domain protocol `Population`.
    """

    def __init__(
        self,
        bound: Mapping[type[Any], Any],
        codes: AgencyCodes = ANY_AGENCIES,
        lifetimes: Mapping[str, Mapping[str, ReadLifetimes]] = MappingProxyType({}),
        routers: Mapping[type[Any], KeyRouter] = MappingProxyType({}),
    ) -> None:
        """Takes the bindings of the composition root; its types guarantee that each connector fits its domain.

        `routers` read the domains that several agencies answer.
        """
        self._bound = dict(bound)
        self.routers = routers
        self._narrowed: dict[str, Agencies] = {}
        self._lifetimes = lifetimes
        self._freshness: dict[Batch[Any, Any], Freshness | None] = {}
        self.codes = codes
        """The code of the agency that answers each domain."""
        self.read_counts: defaultdict[str, AgencyReadCounts] = defaultdict(AgencyReadCounts)
        """Counters of reads, by agency."""

    def __getitem__(self, domain: type[D]) -> D:
        """The connector bound to the domain; raises `LookupError` if there is none."""
        try:
            connector: D = self._bound[domain]
        except KeyError:
            raise LookupError(
                f"No connector is bound to the domain {domain.__name__}; bind one in wiring/agencies.py."
            ) from None
        return connector

    def get(self, domain: type[D], default: D) -> D:
        """The connector bound to the domain, or the given null object."""
        return cast("D", self._bound.get(domain, default))

    def extended_with(self, bound: Mapping[type[Any], Any]) -> Agencies:
        """A copy with these bindings added."""
        return Agencies({**self._bound, **bound}, self.codes, self._lifetimes, self.routers)

    def narrow(self, domain: type[Any], code: str, connector: Any) -> Agencies:  # noqa: ANN401 - of the domain
        """The agencies as if this one alone answered the domain; the counters are shared."""
        narrowed = self._narrowed.get(code)
        if narrowed is None:
            routers = {each: router for each, router in self.routers.items() if each is not domain}
            bound, codes = {**self._bound, domain: connector}, self.codes.narrow(domain, code)
            narrowed = self._narrowed[code] = Agencies(bound, codes, self._lifetimes, routers)
            narrowed.read_counts = self.read_counts
        return narrowed

    def get_freshness(self, batch: Batch[Any, Any]) -> Freshness | None:
        """How long answers of the batch may be used; None if they are for one use."""
        try:
            return self._freshness[batch]
        except KeyError:
            of_agency = self._lifetimes.get(self.codes.get(batch.domain) or "", {})
            lifetimes, policy = of_agency.get(batch.domain_read), batch.caching
            found = None if policy is None or lifetimes is None else Freshness.join(policy, lifetimes)
            self._freshness[batch] = found
            return found

    def __repr__(self) -> str:
        """The bound domains."""
        return f"<Agencies {', '.join(sorted(domain.__name__ for domain in self._bound))}>"

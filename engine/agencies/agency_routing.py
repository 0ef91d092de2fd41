"""Reads of a domain that several agencies answer: which agencies are called for which key, and one answer of theirs.

- A key that names its agency (`RoutedKey`) goes to that agency.
- A key of public data that names no agency goes to all that serve its places. What fails is named in the answer.
- A key about a person goes only where the caller chose to send it: calling an agency discloses the person to it.
  Agencies are called one after another, and a list is whole or fails, unless the caller accepts a partial one.

Each agency is read through the cache separately, with its own lifetimes, limits and breaker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from engine.agencies.agency_codes import ANY_AGENCIES, AgencyCodes
from engine.agencies.bindings import Agencies
from engine.agencies.routing_log import MissingPart
from engine.batch import Batch, BatchContext, Facet, FreshnessRecorder, load_answers
from engine.errors import SafeError
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure
from records.calls.freshness import Freshness, Staleness

Outcome = Mapping[Any, Any]
"""Answers and failures by key, of one agency."""


class AgencyChoiceRequired(SafeError):  # noqa: N818 - reads as what it is
    """The caller must say which agencies may be called about a person."""

    code = "AGENCY_CHOICE_REQUIRED"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__(
            "Several agencies may hold this, and a call discloses the person to each. Name the place with the argument"
            " 'region', or call all of them with 'agencies'."
        )


class RoutedKey(NamedTuple):
    """A key with the agencies that are called for it."""

    key: Any
    agencies: tuple[str, ...]
    accepts_partial: bool = False
    """Whether the answer may leave out agencies that fail."""


def is_inside(region: str, places: Iterable[str]) -> bool:
    """Whether a region is one of these places, inside one, or around one."""
    return any(region == place or region.startswith(f"{place}.") or place.startswith(f"{region}.") for place in places)


class AgencyRouter:
    """Reads the batches of one domain from several agencies."""

    def __init__(
        self,
        domain: type[Any],
        connectors: Mapping[str, Any],
        places: Mapping[str, Sequence[str]],
        codes: AgencyCodes = ANY_AGENCIES,
    ) -> None:
        """Takes the connector of each agency and the places that it serves, as region codes, by its code.

        `codes` know which reads each of them has.
        """
        self._domain = domain
        self._connectors = connectors
        self._places = places
        self._codes = codes

    def find_serving(self, read: str, regions: Sequence[str]) -> tuple[str, ...]:
        """The agencies that have a read and serve one of the regions; in all regions if none is named."""
        return tuple(
            code
            for code in self._connectors
            if self._codes.offers(code, read)
            and (not regions or any(is_inside(each, self._places[code]) for each in regions))
        )

    async def load(
        self,
        batch: Batch[Any, Any],
        keys: Sequence[Any],
        context: BatchContext[Any],
        recorder: FreshnessRecorder | None,
    ) -> Answers[Any, Any]:
        """The answers of all agencies that the keys are sent to. A failure fails its key alone."""
        answers: dict[Any, Any] = {}
        at_once: dict[RoutedKey, Any] = {}
        in_turn: dict[RoutedKey, Any] = {}
        for key in keys:
            if isinstance(key, RoutedKey):
                (at_once if len(key.agencies) == 1 else in_turn)[key] = key
            elif batch.is_public:
                regions = () if batch.get_regions is None else batch.get_regions(key)
                at_once[RoutedKey(key, self.find_serving(batch.domain_read, regions), accepts_partial=True)] = key
            else:
                answers[key] = AgencyChoiceRequired()
        reading = _DomainReading(batch, context, recorder, self._narrow)
        key_of = at_once | in_turn
        for routed, found in [*await reading.load_at_once(at_once), *await reading.load_in_turn(in_turn)]:
            key, answer = key_of[routed], _join(batch, routed, found)
            if not isinstance(answer, Exception) and (missing := _list_missing(found)):
                context.routing_log.incomplete.setdefault(batch, {})[key] = missing
                if recorder is not None:
                    recorder.record_lifetime(None, 0.0, 0.0)
            if answer is not None:
                answers[key] = answer
        return answers

    def _narrow(self, agencies: Agencies, code: str) -> Agencies:
        return agencies.narrow(self._domain, code, self._connectors[code])


@dataclass(slots=True)
class _DomainReading:
    """One read of a batch from several agencies."""

    batch: Batch[Any, Any]
    context: BatchContext[Any]
    recorder: FreshnessRecorder | None
    narrow: Callable[[Agencies, str], Agencies]

    async def load_at_once(self, wanted: Iterable[RoutedKey]) -> list[tuple[RoutedKey, Outcome]]:
        """Call the agencies concurrently. Returns, for each key, answers and failures by agency."""
        by_agency: dict[str, list[RoutedKey]] = {}
        for each in wanted:
            for code in each.agencies:
                by_agency.setdefault(code, []).append(each)
        found = await asyncio.gather(*(self._load_from(code, keys) for code, keys in by_agency.items()))
        parts = dict(zip(by_agency, found, strict=True))
        return [(each, {code: parts[code].get(each.key) for code in each.agencies}) for each in wanted]

    async def load_in_turn(self, wanted: Iterable[RoutedKey]) -> list[tuple[RoutedKey, Outcome]]:
        """Call the agencies one after another. After a failure, a key that must be whole is sent to no other."""
        outcomes: dict[RoutedKey, dict[str, Any]] = {each: {} for each in wanted}
        for code in dict.fromkeys(code for each in wanted for code in each.agencies):
            keys = [
                each
                for each, found in outcomes.items()
                if code in each.agencies and (each.accepts_partial or not _list_failures(found))
            ]
            if keys:
                part = await self._load_from(code, keys)
                for each in keys:
                    outcomes[each][code] = part.get(each.key)
        return list(outcomes.items())

    async def _load_from(self, code: str, wanted: Sequence[RoutedKey]) -> Outcome:
        """Read the keys from one agency; a failure of the call is the answer of each key."""
        context = self.context
        keys = list(dict.fromkeys(each.key for each in wanted))
        context.routing_log.record_call(self.batch.domain or object, keys, code)
        context.agencies.read_counts[code].first_requests += len(keys)
        narrowed = replace(context, agencies=self.narrow(context.agencies, code))
        recorder = None if self.recorder is None else _RoutedRecorder(self.recorder, wanted)
        try:
            found = await load_answers(self.batch, keys, narrowed, recorder)
        except Exception as failure:  # noqa: BLE001 - a failed call fails the part of each of its keys
            return dict.fromkeys(keys, failure)
        for answer in found.values():
            context.routing_log.record_origin(answer, code)
        return found


class _RoutedRecorder:
    """Records the freshness of one agency's answers under the keys of the request."""

    def __init__(self, recorder: FreshnessRecorder, wanted: Sequence[RoutedKey]) -> None:
        self._recorder = recorder
        self._outer_keys: dict[Any, list[Any]] = {}
        for each in wanted:
            self._outer_keys.setdefault(each.key, [each.key]).append(each)

    def record_stale(self, batch: Batch[Any, Any], key: Hashable, facet: Facet, staleness: Staleness) -> None:
        """Record a stale answer."""
        for outer in self._outer_keys[key]:
            self._recorder.record_stale(batch, outer, facet, staleness)

    def record_lifetime(self, freshness: Freshness | None, age: float, fresh: float) -> None:
        """Record one call."""
        self._recorder.record_lifetime(freshness, age, fresh)


def _list_failures(found: Outcome) -> list[Exception]:
    return [each for each in found.values() if isinstance(each, Exception)]


def _list_missing(found: Outcome) -> tuple[MissingPart, ...]:
    return tuple(MissingPart(code, each.code) for code, each in found.items() if isinstance(each, AgencyFailure))


def _join(batch: Batch[Any, Any], routed: RoutedKey, found: Outcome) -> Any:  # noqa: ANN401 - any answer
    """One answer from those of all agencies; None if no agency knows the key."""
    failures = _list_failures(found)
    if failures and (
        len(failures) == len(found)
        or not routed.accepts_partial
        or not all(isinstance(each, AgencyFailure) for each in failures)
    ):
        return failures[0]
    answered = [each for each in found.values() if each is not None and not isinstance(each, Exception)]
    if batch.join is not None and len(answered) > 1:
        return batch.join(routed.key, answered)
    if len(answered) > 1:
        return tuple(each for part in answered for each in part)
    return answered[0] if answered else None

"""Which agencies are called for which key, and one answer of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from engine.agencies.agency_codes import AgencyCodes
from engine.agencies.agency_routing import AgencyChoiceRequired, AgencyRouter, RoutedKey, is_inside
from engine.agencies.bindings import Agencies
from engine.agencies.routing_log import MissingPart, RoutingLog
from engine.batch import BatchContext, forward, load_answers
from engine.execution.answer_freshness import AnswerFreshness
from records.calls.answers import Answers, DatedAnswers
from records.calls.call import Call
from records.calls.failures import AgencyTimeout
from records.calls.freshness import BatchCaching

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Trees(Protocol):
    async def trees_of(self, owners: Sequence[str], call: Call) -> Answers[str, Sequence[str]]:
        """The trees of each owner."""


@dataclass
class Nursery:
    """An agency. An answer may be a failure; `fault` fails whole calls."""

    trees: Mapping[str, Any]
    fault: Exception | None = None
    as_of: datetime | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def trees_of(self, owners: Sequence[str], call: Call) -> Answers[str, Any]:  # noqa: ARG002 - no call
        self.asked.append(tuple(owners))
        if self.fault is not None:
            raise self.fault
        found = {each: self.trees[each] for each in owners if each in self.trees}
        return found if self.as_of is None else DatedAnswers(found, as_of=self.as_of, max_age=1.0, fresh=9.0)


PUBLIC = forward(Trees, Trees.trees_of, absent=(), caching=BatchCaching(is_personal=False))
PERSONAL = forward(Trees, Trees.trees_of, absent=())
ALL = ("east", "west")


@dataclass
class Hub:
    """A hub with two nurseries."""

    east: Nursery
    west: Nursery
    log: RoutingLog = field(default_factory=RoutingLog)
    freshness: AnswerFreshness = field(default_factory=AnswerFreshness)
    lacks: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        places = {"east": ["31.75"], "west": ["31.73"]}
        codes = AgencyCodes({Trees: ALL}, self.lacks)
        router = AgencyRouter(Trees, {"east": self.east, "west": self.west}, places, codes)
        self.agencies = Agencies({}, codes, routers={Trees: router})

    async def ask(self, batch: Any, *keys: Any) -> Any:  # noqa: ANN401 - any batch
        context = BatchContext(
            caller="me", call=Call(deadline=1e12, request_id="r"), agencies=self.agencies, routing_log=self.log
        )
        return await load_answers(batch, keys, context, self.freshness)


@pytest.mark.parametrize(
    ("region", "expected"),
    [("31.75", True), ("31.75.02.1005", True), ("31", True), ("31.7", False), ("31.73", False), ("36.71", False)],
)
def test_a_place_holds_what_is_inside_it_and_is_part_of_what_is_around_it(region: str, *, expected: bool) -> None:
    assert is_inside(region, ["31.75"]) is expected


async def test_public_keys_go_to_all_agencies_in_one_call_each() -> None:
    hub = Hub(Nursery({"a": ("oak",), "b": ("elm",)}), Nursery({"a": ("ash",)}))
    assert await hub.ask(PUBLIC, "a", "b", "c") == {"a": ("oak", "ash"), "b": ("elm",)}
    assert (hub.east.asked, hub.west.asked) == ([("a", "b", "c")], [("a", "b", "c")])
    counts = hub.agencies.read_counts
    assert {code: (each.first_requests, each.keys.count) for code, each in counts.items()} == dict.fromkeys(ALL, (3, 1))


async def test_an_agency_that_lacks_a_read_is_not_asked_for_it() -> None:
    hub = Hub(Nursery({"a": ("oak",)}), Nursery({"a": ("ash",)}), lacks={"west": ["trees_of"]})
    assert await hub.ask(PUBLIC, "a") == {"a": ("oak",)}
    assert (hub.west.asked, hub.log.incomplete) == ([], {})
    router = hub.agencies.routers[Trees]
    assert [router.find_serving("trees_of", each) for each in ((), ("31.75",), ("31.73",))] == [
        ("east",),
        ("east",),
        (),
    ]


async def test_a_personal_key_without_a_choice_fails_alone() -> None:
    hub = Hub(Nursery({"a": ("oak",)}), Nursery({"a": ("ash",)}))
    found = await hub.ask(PERSONAL, "a", RoutedKey("a", ("west",)))
    assert isinstance(found["a"], AgencyChoiceRequired)
    assert found[RoutedKey("a", ("west",))] == ("ash",)
    assert hub.east.asked == []


async def test_the_failure_of_one_key_is_missing_from_its_answer_alone() -> None:
    hub = Hub(Nursery({"a": AgencyTimeout("east"), "b": ("elm",)}), Nursery({"a": ("ash",), "b": ("fir",)}))
    assert await hub.ask(PUBLIC, "a", "b") == {"a": ("ash",), "b": ("elm", "fir")}
    assert hub.log.incomplete == {PUBLIC: {"a": (MissingPart("east", "AGENCY_TIMEOUT"),)}}
    assert hub.freshness.get_lifetime().fresh == 0  # a partial answer is for one use


async def test_a_fault_of_the_hub_is_no_missing_part() -> None:
    fault = ZeroDivisionError("a fault of ours")
    hub = Hub(Nursery({}, fault=fault), Nursery({"a": ("ash",)}))
    assert await hub.ask(PUBLIC, "a") == {"a": fault}
    assert hub.log.incomplete == {}


async def test_agencies_are_called_in_turn_and_not_after_a_failure_unless_a_part_is_accepted() -> None:
    hub = Hub(Nursery({"a": ("oak",)}, fault=AgencyTimeout("east")), Nursery({"a": ("ash",)}))
    whole, part = RoutedKey("a", ALL), RoutedKey("a", ALL, accepts_partial=True)
    found = await hub.ask(PERSONAL, whole)
    assert isinstance(found[whole], AgencyTimeout)
    assert hub.west.asked == []
    assert await hub.ask(PERSONAL, part) == {part: ("ash",)}
    assert hub.log.incomplete == {PERSONAL: {part: (MissingPart("east", "AGENCY_TIMEOUT"),)}}


async def test_the_oldest_of_several_copies_dates_the_answer() -> None:
    east, west = NOON, NOON - timedelta(hours=3)
    hub = Hub(Nursery({"a": ("oak",)}, as_of=east), Nursery({"a": ("ash",)}, as_of=west))
    await hub.ask(PUBLIC, "a")
    recorded = hub.freshness.stale_answers[PUBLIC, None]["a"]
    assert (recorded.as_of, recorded.agency) == (west, "west")


async def test_the_log_knows_the_called_agencies_the_people_and_the_origin_of_records() -> None:
    @dataclass(frozen=True)
    class Leaf:
        shape: str

    @dataclass(frozen=True)
    class Tree:
        leaves: tuple[Leaf, ...]

    oak, ash = Tree((Leaf("lobed"),)), Tree((Leaf("pinnate"),))
    hub = Hub(Nursery({"a": (oak,)}), Nursery({"a": (ash,), "b": ()}))
    await hub.ask(PERSONAL, RoutedKey("a", ALL), RoutedKey("b", ("west",)))
    assert [hub.log.list_called(Trees, each) for each in ("a", "b", "c")] == [set(ALL), {"west"}, set(ALL)]
    origins = [hub.log.get_origin(each) for each in (oak, oak.leaves[0], ash, ash.leaves[0], Leaf("lobed"))]
    assert origins == ["east", "east", "west", "west", None]

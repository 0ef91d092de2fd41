from __future__ import annotations

import pytest

from auth.caller import CallerKind
from tests.clients import client_named
from web.emergency_lane import EmergencyLane, lane_from


def test_names_applications_operations_and_kinds_of_callers() -> None:
    assert lane_from(["client:development/siaga-112", "operation:NearestShelter:2", "kind:official"]) == EmergencyLane(
        clients=frozenset({client_named("siaga-112")}),
        operations=frozenset({"NearestShelter:2"}),
        kinds=frozenset({CallerKind.OFFICIAL}),
    )


def test_holds_whoever_is_named_and_nobody_else() -> None:
    lane = lane_from(["client:development/siaga-112", "kind:official"])
    assert lane.names_callers
    assert lane.holds(CallerKind.CITIZEN, client_named("siaga-112"))
    assert lane.holds(CallerKind.OFFICIAL, None)
    assert not lane.holds(CallerKind.CITIZEN, None)
    assert not lane.holds(CallerKind.CITIZEN, client_named("warung"))


def test_where_nobody_is_named_nobody_is_of_it() -> None:
    lane = lane_from([])
    assert not lane.names_callers
    assert not lane.holds(CallerKind.OPERATOR, None)
    assert not lane_from(["operation:a"]).names_callers


@pytest.mark.parametrize("word", ["siaga-112", "client:", "client:siaga-112", "clients:city/siaga-112", ":a"])
def test_what_says_nothing_is_refused_with_what_to_write(word: str) -> None:
    with pytest.raises(ValueError, match="is not an entry of the emergency lane") as refused:
        lane_from([word])
    assert str(refused.value) == (
        f"'{word}' is not an entry of the emergency lane. Write client:ISSUER/NAME, operation:ID or kind:KIND,"
        " separated by spaces. Kinds: citizen, business, official, supervisor, steward, auditor, protection-officer,"
        " partner, agency-system, operator."
    )


@pytest.mark.parametrize("kind", ["anonymous", "mayor"])
def test_a_kind_that_is_none_or_anybody_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"'{kind}' is no kind of caller that can be of the emergency lane"):
        lane_from([f"kind:{kind}"])

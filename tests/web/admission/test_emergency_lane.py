from __future__ import annotations

import pytest

from auth.caller import CallerKind
from tests.fakes.clients import build_client
from web.admission.emergency_lane import EmergencyLane, parse_lane


def test_parses_applications_operations_and_kinds_of_callers() -> None:
    assert parse_lane(["client:development/siaga-112", "operation:NearestShelter:2", "kind:official"]) == EmergencyLane(
        clients=frozenset({build_client("siaga-112")}),
        operations=frozenset({"NearestShelter:2"}),
        kinds=frozenset({CallerKind.OFFICIAL}),
    )


def test_includes_the_named_callers_and_no_others() -> None:
    lane = parse_lane(["client:development/siaga-112", "kind:official"])
    assert lane.has_callers
    assert lane.includes(CallerKind.CITIZEN, build_client("siaga-112"))
    assert lane.includes(CallerKind.OFFICIAL, None)
    assert not lane.includes(CallerKind.CITIZEN, None)
    assert not lane.includes(CallerKind.CITIZEN, build_client("warung"))


def test_an_empty_lane_includes_no_caller() -> None:
    lane = parse_lane([])
    assert not lane.has_callers
    assert not lane.includes(CallerKind.OPERATOR, None)
    assert not parse_lane(["operation:a"]).has_callers


@pytest.mark.parametrize("word", ["siaga-112", "client:", "client:siaga-112", "clients:city/siaga-112", ":a"])
def test_invalid_entries_are_refused_with_the_syntax(word: str) -> None:
    with pytest.raises(ValueError, match="is not an entry of the emergency lane") as refused:
        parse_lane([word])
    assert str(refused.value) == (
        f"'{word}' is not an entry of the emergency lane. Write client:ISSUER/NAME, operation:ID or kind:KIND,"
        " separated by spaces. Kinds: citizen, business, official, supervisor, steward, auditor, protection-officer,"
        " partner, agency-system, operator."
    )


@pytest.mark.parametrize("kind", ["anonymous", "mayor"])
def test_unknown_kinds_and_anonymous_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"'{kind}' is not a kind of caller for the emergency lane"):
        parse_lane([f"kind:{kind}"])

"""Fields of `Query`: a list of keys, an alias for each key, a list of all keys, and searches in pages."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.resilience.breaker import BreakerState
from records.calls.failures import AgencyMalformed, AgencyUnavailable
from tests.connectors.declared.graphql.clubs import (
    ClubQuery,
    change,
    make_club,
    read_body,
    respond_each,
    serve,
    to_club,
)
from tests.connectors.declared.hotspots import open_gate
from tests.connectors.failures import make_call

BY_LIST = change("clubs", entity=None, field="clubs", arguments={"ids": "{keys}"})
BY_ALIAS = change("clubs", entity=None, field="club", arguments={"id": "{key}"}, max_aliases=2)
ALL = change("clubs", entity=None, field="clubs")


class TestListsOfKeys:
    async def test_one_request_asks_for_all_keys(self) -> None:
        async with serve({"data": {"clubs": [make_club(2), make_club(1)]}}, BY_LIST) as (connector, server):
            assert await connector.clubs(["1", "2", "3"], make_call()) == {"1": to_club(1), "2": to_club(2)}
        assert read_body(server.asked[0]) == {
            "query": "query Clubs($v0:[ID!]!){clubs(ids:$v0){id name place{city}}}",
            "variables": {"v0": ["1", "2", "3"]},
        }

    async def test_an_error_below_a_row_fails_its_key_alone(self) -> None:
        response = {
            "data": {"clubs": [make_club(1), make_club(2, place=None)]},
            "errors": [{"message": "x", "path": ["clubs", 1, "place"]}],
        }
        async with serve(response, BY_LIST) as (connector, _):
            found = await connector.clubs(["1", "2"], make_call())
        assert (found["1"], type(found["2"])) == (to_club(1), AgencyUnavailable)

    @pytest.mark.parametrize("path", [["clubs"], ["clubs", 1], ["clubs", 9], ["other"]])
    async def test_an_error_of_no_row_with_a_key_fails_all(self, path: list[Any]) -> None:
        response = {"data": {"clubs": [make_club(1), None]}, "errors": [{"message": "x", "path": path}]}
        async with serve(response, BY_LIST) as (connector, _):
            with pytest.raises(AgencyUnavailable):
                await connector.clubs(["1", "2"], make_call())

    async def test_a_row_of_another_key_makes_the_whole_reply_malformed(self) -> None:
        gate = open_gate()
        async with serve({"data": {"clubs": [make_club(1), make_club(9)]}}, BY_LIST, gate=gate) as (connector, _):
            with pytest.raises(AgencyMalformed):
                await connector.clubs(["1"], make_call())
        assert (gate.breaker_state, gate.counts.mismatches) == (BreakerState.OPEN, 1)

    async def test_a_field_without_keys_gives_the_list_from_which_keys_are_taken(self) -> None:
        async with serve({"data": {"clubs": [make_club(1), make_club(9)]}}, ALL) as (connector, server):
            assert await connector.clubs(["1"], make_call()) == {"1": to_club(1)}
        assert read_body(server.asked[0])["query"] == "query Clubs{clubs{id name place{city}}}"


class TestAliases:
    async def test_each_key_has_an_alias_and_a_request_has_as_many_as_allowed(self) -> None:
        def answer(_: str, given: dict[str, Any]) -> dict[str, Any]:
            found = [make_club(each) if each != "3" else None for each in given.values()]
            return {"data": {f"k{at}": each for at, each in enumerate(found)}}

        async with serve(respond_each(answer), BY_ALIAS) as (connector, server):
            found = await connector.clubs(["1", "2", "3"], make_call())
        assert found == {"1": to_club(1), "2": to_club(2)}
        asked = "{id name place{city}}"
        assert sorted(read_body(each)["query"] for each in server.asked) == [
            f"query Clubs($v0_0:ID! $v0_1:ID!){{k0:club(id:$v0_0){asked} k1:club(id:$v0_1){asked}}}",
            f"query Clubs($v0_0:ID!){{k0:club(id:$v0_0){asked}}}",
        ]

    async def test_an_error_of_an_alias_fails_its_key_alone(self) -> None:
        response = {"data": {"k0": None, "k1": make_club(2)}, "errors": [{"message": "x", "path": ["k0"]}]}
        async with serve(response, BY_ALIAS) as (connector, _):
            found = await connector.clubs(["1", "2"], make_call())
        assert (type(found["1"]), found["2"]) == (AgencyUnavailable, to_club(2))

    @pytest.mark.parametrize(
        "data",
        [
            {"k0": make_club(2), "k1": make_club(1)},
            {"k0": make_club(1)},
            {"k0": make_club(1), "k1": make_club(2), "k2": None},
        ],
        ids=["swapped", "fewer", "more"],
    )
    async def test_aliases_that_were_not_asked_make_the_whole_reply_malformed(self, data: dict[str, Any]) -> None:
        async with serve({"data": data}, BY_ALIAS) as (connector, _):
            with pytest.raises(AgencyMalformed):
                await connector.clubs(["1", "2"], make_call())


class TestSearches:
    async def test_a_connection_is_asked_page_by_page_as_far_as_needed(self) -> None:
        def answer(_: str, given: dict[str, Any]) -> dict[str, Any]:
            start = int(given.get("v2", "0"))
            edges = [{"node": make_club(each)} for each in range(start + 1, start + 3)]
            return {"data": {"clubs": {"edges": edges, "pageInfo": {"hasNextPage": True, "endCursor": str(start + 2)}}}}

        async with serve(respond_each(answer)) as (connector, server):
            query = ClubQuery(search="klub", first=3, after=None)
            assert await connector.found([query], make_call()) == {query: (to_club(1), to_club(2), to_club(3))}
        assert [read_body(each)["variables"] for each in server.asked] == [
            {"v0": "klub", "v1": 2},
            {"v0": "klub", "v1": 2, "v2": "2"},
        ]
        assert read_body(server.asked[0])["query"] == (
            "query ReadsFound($v0:String $v1:Int! $v2:String){clubs(text:$v0 first:$v1 after:$v2)"
            "{edges{node{id name place{city}}} pageInfo{hasNextPage endCursor}}}"
        )

    async def test_any_error_fails_a_list(self) -> None:
        page = {"edges": [{"node": make_club(1)}], "pageInfo": {"hasNextPage": False, "endCursor": None}}
        response = {
            "data": {"clubs": page},
            "errors": [{"message": "x", "path": ["clubs", "edges", 0, "node", "name"]}],
        }
        async with serve(response) as (connector, _):
            query = ClubQuery(search="", first=3, after=None)
            found = await connector.found([query], make_call())
        assert type(found[query]) is AgencyUnavailable

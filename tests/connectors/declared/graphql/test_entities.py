"""Entities of a subgraph: one request for all keys, only the fields that records need, and errors by their path."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.declared.driver_family import CallLimits
from connectors.declared.tables import NotDeclarableError
from connectors.resilience.breaker import BreakerState
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable
from tests.connectors.declared.graphql.clubs import (
    BUDI,
    MEDIA_TYPE,
    SITI,
    TABLES,
    Membership,
    build,
    change,
    make_club,
    read_body,
    respond,
    respond_each,
    serve,
    to_club,
)
from tests.connectors.declared.hotspots import open_driver, open_gate
from tests.connectors.failures import make_call


def entities(*found: object, errors: object = None) -> dict[str, Any]:
    return {"data": {"_entities": list(found)}, **({} if errors is None else {"errors": errors})}


def error(*path: object, code: str | None = None) -> dict[str, Any]:
    extensions = {} if code is None else {"extensions": {"code": code}}
    return {"message": f"no answer for {SITI}", "path": list(path), **extensions}


def with_record(record: str, **fields: str) -> dict[str, Any]:
    return {**TABLES, "records": {**TABLES["records"], record: fields}}


class TestEntityRequests:
    async def test_all_keys_are_representations_of_one_request_with_the_fields_of_the_record(self) -> None:
        async with serve(entities(make_club(1), None)) as (connector, server):
            assert await connector.clubs(["1", "2"], make_call()) == {"1": to_club(1)}
        [asked] = server.asked
        assert (asked.method, asked.target) == ("POST", "/")
        assert asked.headers["accept"] == f"{MEDIA_TYPE}, application/json;q=0.9"
        assert read_body(asked) == {
            "query": "query Clubs($representations:[_Any!]!)"
            "{_entities(representations:$representations){...on Club{id name place{city}}}}",
            "variables": {
                "representations": [{"__typename": "Club", "id": "1"}, {"__typename": "Club", "id": "2"}],
            },
        }

    async def test_a_number_is_sent_as_a_number(self) -> None:
        async with serve(entities(make_club(1, id=1)), change("clubs", key_type="number")) as (connector, server):
            assert await connector.clubs(["1", "x"], make_call()) == {"1": to_club(1)}
        assert read_body(server.asked[0])["variables"]["representations"] == [{"__typename": "Club", "id": 1}]

    async def test_keys_beyond_the_limit_of_the_terms_are_in_further_requests(self) -> None:
        script = respond_each(lambda _, given: entities(*(make_club(each["id"]) for each in given["representations"])))
        async with serve(script, limits=CallLimits(max_batch_size=2)) as (connector, server):
            found = await connector.clubs(["1", "2", "3"], make_call())
        assert found == {each: to_club(each) for each in "123"}
        assert len(server.asked) == 2

    async def test_arguments_within_an_entity_are_variables(self) -> None:
        tables = change("memberships_of", arguments={"memberships.active": True, "memberships.kind": "GOLD"})
        tables["reads"]["memberships_of"]["types"] = {"memberships.kind": "Kind!"}
        async with serve(entities({"nik": SITI, "memberships": []}), tables) as (connector, server):
            assert await connector.memberships_of([SITI], make_call()) == {SITI: ()}
        body = read_body(server.asked[0])
        assert body["query"] == (
            "query MembershipsOf($representations:[_Any!]! $v0:Boolean! $v1:Kind!)"
            "{_entities(representations:$representations)"
            "{...on Person{nik memberships(active:$v0 kind:$v1){club{id} number}}}}"
        )
        assert (body["variables"]["v0"], body["variables"]["v1"]) == (True, "GOLD")

    @pytest.mark.parametrize("key", ["", "a b", "1\n", "x" * 201])
    async def test_a_key_of_another_form_costs_no_call(self, key: str) -> None:
        assert await build(open_driver({"driver": "graphql"}), TABLES).clubs([key], make_call()) == {}


class TestEntityRows:
    async def test_rows_within_an_entity_have_its_fields(self) -> None:
        rows = [{"club": {"id": "7"}, "number": 12}, None, {"club": {"id": "8"}, "number": None}]
        async with serve(entities({"nik": SITI, "memberships": rows}, {"nik": BUDI, "memberships": None})) as (it, _):
            found = await it.memberships_of([SITI, BUDI], make_call())
        assert found == {
            SITI: (Membership(owner=SITI, club="7", number=12), Membership(owner=SITI, club="8", number=None)),
            BUDI: (),
        }

    async def test_a_connection_within_an_entity_is_read_to_its_end(self) -> None:
        tables = change(
            "memberships_of",
            rows="memberships.nodes",
            arguments={"memberships.first": "{size}", "memberships.after": "{cursor}"},
            paging={"size": 2},
        )

        def answer(_: str, given: dict[str, Any]) -> dict[str, Any]:
            start = int(given.get("v1", "0"))
            nodes = [{"club": {"id": str(each)}, "number": each} for each in range(start, min(start + 2, 5))]
            page = {"hasNextPage": start + 2 < 5, "endCursor": str(start + 2)}
            niks = [each["nik"] for each in given["representations"]]
            return entities(*({"nik": nik, "memberships": {"nodes": nodes, "pageInfo": page}} for nik in niks))

        async with serve(respond_each(answer), tables) as (connector, server):
            found = await connector.memberships_of([SITI, BUDI], make_call())
        assert [each.number for each in found[SITI]] == [each.number for each in found[BUDI]] == [0, 1, 2, 3, 4]
        assert {each.owner for each in found[BUDI]} == {BUDI}
        assert len(server.asked) == 5

    async def test_a_connection_that_repeats_its_cursor_fails_its_key_alone(self) -> None:
        tables = change(
            "memberships_of",
            rows="memberships.nodes",
            arguments={"memberships.after": "{cursor}"},
            paging={},
        )
        endless = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}
        whole = {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}

        def answer(_: str, given: dict[str, Any]) -> dict[str, Any]:
            pages = {SITI: endless, BUDI: whole}
            return entities(*({"nik": e["nik"], "memberships": pages[e["nik"]]} for e in given["representations"]))

        async with serve(respond_each(answer), tables) as (connector, _):
            found = await connector.memberships_of([SITI, BUDI], make_call())
        assert (type(found[SITI]), found[BUDI]) == (AgencyMalformed, ())


class TestEntityErrors:
    async def test_an_error_below_an_entity_fails_it_alone_and_does_not_count(self) -> None:
        gate = open_gate()
        response = entities(make_club(1, place=None), make_club(2), errors=[error("_entities", 0, "place", "city")])
        async with serve(response, gate=gate) as (connector, _):
            found = await connector.clubs(["1", "2"], make_call())
            alone = await connector.clubs(["1", "2"], make_call())
        assert (type(found["1"]), found["2"]) == (AgencyUnavailable, to_club(2))
        assert type(alone["1"]) is AgencyUnavailable
        assert gate.breaker_state is BreakerState.CLOSED

    async def test_an_error_of_an_entity_fails_it_alone_while_others_answer(self) -> None:
        gate = open_gate()
        response = entities(None, make_club(2), errors=[error("_entities", 0, code="FORBIDDEN")])
        async with serve(response, gate=gate) as (connector, _):
            found = await connector.clubs(["1", "2"], make_call())
        assert (type(found["1"]), found["2"]) == (AgencyRefused, to_club(2))
        assert gate.breaker_state is BreakerState.CLOSED

    async def test_a_reply_in_which_no_entity_could_be_given_counts_at_the_breaker(self) -> None:
        gate = open_gate()
        async with serve(entities(None, errors=[error("_entities", 0)]), gate=gate) as (connector, _):
            with pytest.raises(AgencyUnavailable):
                await connector.clubs(["1"], make_call())
        assert gate.breaker_state is BreakerState.OPEN

    @pytest.mark.parametrize("path", [{}, {"path": None}, {"path": []}, {"path": "_entities"}])
    async def test_an_error_without_a_path_fails_all(self, path: dict[str, Any]) -> None:
        response = entities(make_club(1), make_club(2), errors=[{"message": "overloaded", **path}])
        async with serve(response) as (connector, _):
            with pytest.raises(AgencyUnavailable):
                await connector.clubs(["1", "2"], make_call())

    async def test_positions_in_a_path_may_be_texts_as_mercurius_writes_them(self) -> None:
        errors = [error("_entities", "0", code="FORBIDDEN"), error("_entities", "1", "place", code="INTERNAL")]
        async with serve(entities(None, make_club(2, place=None), make_club(3), errors=errors)) as (connector, _):
            found = await connector.clubs(["1", "2", "3"], make_call())
        assert (type(found["1"]), type(found["2"]), found["3"]) == (AgencyRefused, AgencyUnavailable, to_club(3))

    @pytest.mark.parametrize("path", [("_entities", 7), ("_entities", "first"), ("clubs", 0), ("_entities", [0])])
    async def test_an_error_at_another_place_fails_all(self, path: tuple[object, ...]) -> None:
        response = entities(make_club(1), None, errors=[error(*path, code="FORBIDDEN")])
        async with serve(response) as (connector, _):
            with pytest.raises(AgencyRefused):
                await connector.clubs(["1", "2"], make_call())

    async def test_an_error_around_all_entities_fails_all(self) -> None:
        async with serve({"data": {"_entities": None}, "errors": [error("_entities")]}) as (connector, _):
            with pytest.raises(AgencyUnavailable):
                await connector.clubs(["1", "2"], make_call())

    async def test_a_declared_code_of_absence_makes_no_failure(self) -> None:
        tables = {**TABLES, "trouble": {"errors": {"absent": "NOT_FOUND"}}}
        response = entities(
            None,
            make_club(2, place=None),
            errors=[error("_entities", 0, code="NOT_FOUND"), error("_entities", 1, "place", code="NOT_FOUND")],
        )
        async with serve(response, tables) as (connector, _):
            found = await connector.clubs(["1", "2"], make_call())
        assert [each.id for each in found.values()] == ["2"]

    @pytest.mark.parametrize(
        ("code", "failure"),
        [
            ("UNAUTHENTICATED", AgencyRefused),
            ("GRAPHQL_VALIDATION_FAILED", AgencyMalformed),
            ("BAD_USER_INPUT", AgencyMalformed),
            ("INTERNAL_SERVER_ERROR", AgencyUnavailable),
            ("SIBUK", AgencyRefused),
            ("3171010101900001", AgencyUnavailable),
        ],
    )
    async def test_a_code_has_its_usual_or_its_declared_meaning(self, code: str, failure: type[AgencyFailure]) -> None:
        tables = {**TABLES, "trouble": {"errors": {"busy": "SIBUK"}, "pause": 7}}
        response = {"data": None, "errors": [{"message": "x", "extensions": {"code": code}}]}
        async with serve(response, tables) as (connector, _):
            with pytest.raises(failure) as raised:
                await connector.clubs(["1"], make_call())
        assert raised.value.retry_after == (7 if code == "SIBUK" else None)
        assert "3171" not in str(raised.value.detail)

    @pytest.mark.parametrize("data", [{}, {"data": None}], ids=["graphql-js", "strawberry"])
    async def test_an_error_before_the_execution_is_one_of_the_request(self, data: dict[str, Any]) -> None:
        response = {**data, "errors": [{"message": 'Cannot query field "x" on type "Club".'}]}
        async with serve(response) as (connector, _):
            with pytest.raises(AgencyMalformed):
                await connector.clubs(["1"], make_call())


class TestStrangeReplies:
    async def test_fields_that_were_not_asked_are_left_out(self) -> None:
        response = {**entities({**make_club(1), "owner": SITI}), "extensions": {"tracing": {}}}
        response["data"]["me"] = {"nik": SITI}
        async with serve(response) as (connector, _):
            assert await connector.clubs(["1"], make_call()) == {"1": to_club(1)}

    @pytest.mark.parametrize(
        "found",
        [
            [make_club(2), make_club(1)],
            [make_club(1)],
            [make_club(1), make_club(2), make_club(3)],
            [make_club(1), make_club(3)],
            [make_club(1), make_club(1)],
            [make_club(1), "2"],
            [make_club(1), {}],
        ],
        ids=["order", "fewer", "more", "another", "twice", "text", "empty"],
    )
    async def test_entities_that_were_not_asked_make_the_whole_reply_malformed(self, found: list[Any]) -> None:
        gate = open_gate()
        async with serve(entities(*found), gate=gate) as (connector, _):
            with pytest.raises(AgencyMalformed):
                await connector.clubs(["1", "2"], make_call())
        assert (gate.breaker_state, gate.counts.mismatches) == (BreakerState.OPEN, 1)

    @pytest.mark.parametrize(
        "response",
        [
            entities({"id": "1", "name": "Klub 1"}),
            {"data": {}},
            {"data": None},
            {"data": []},
            {},
            [],
            {"data": {"_entities": None}},
            {"data": {"_entities": [make_club(1)]}, "errors": ["x"]},
        ],
    )
    async def test_a_reply_that_lacks_what_was_asked_is_malformed(self, response: object) -> None:
        gate = open_gate()
        async with serve(respond(response), gate=gate) as (connector, _):
            with pytest.raises(AgencyMalformed):
                await connector.clubs(["1"], make_call())
        assert gate.breaker_state is BreakerState.OPEN

    async def test_a_record_that_cannot_be_read_fails_alone(self) -> None:
        async with serve(entities(make_club(1, name=None), make_club(2))) as (connector, _):
            found = await connector.clubs(["1", "2"], make_call())
        assert (type(found["1"]), found["2"]) == (AgencyMalformed, to_club(2))


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "media_type", "failure"),
        [
            (400, MEDIA_TYPE, AgencyMalformed),
            (400, f"{MEDIA_TYPE}; charset=utf-8", AgencyMalformed),
            (400, "application/json", AgencyRefused),
            (404, "text/html", AgencyRefused),
            (401, MEDIA_TYPE, AgencyRefused),
            (429, MEDIA_TYPE, AgencyRefused),
            (500, MEDIA_TYPE, AgencyUnavailable),
        ],
    )
    async def test_a_body_explains_a_status_only_with_its_media_type(
        self, status: int, media_type: str, failure: type[AgencyFailure]
    ) -> None:
        script = respond({"errors": [{"message": "x"}]}, status=status, media_type=media_type)
        async with serve(script) as (connector, _):
            with pytest.raises(failure):
                await connector.clubs(["1"], make_call())

    @pytest.mark.parametrize("status", [200, 294, 422])
    async def test_data_and_errors_are_read_with_any_status(self, status: int) -> None:
        response = entities(None, make_club(2), errors=[error("_entities", 0)])
        async with serve(respond(response, status=status, media_type=MEDIA_TYPE)) as (connector, _):
            found = await connector.clubs(["1", "2"], make_call())
        assert (type(found["1"]), found["2"]) == (AgencyUnavailable, to_club(2))


@pytest.mark.parametrize(
    ("tables", "place"),
    [
        (change("clubs", key=None), "key"),
        (change("clubs", entity=None), "field"),
        (change("clubs", field="clubs"), "field"),
        (change("clubs", rows="a[]"), "reads.clubs.rows"),
        (change("clubs", types={"x": "Int"}), "reads.clubs.types"),
        (change("clubs", key="na me"), "reads.clubs.key"),
        (change("clubs", key={"id": "id", "x": "y"}), "reads.clubs.key"),
        (change("memberships_of", paging={}), "reads.memberships_of.rows"),
        (change("memberships_of", rows="nodes", paging={}), "reads.memberships_of.paging"),
        (change("found", field=None, entity="Club", key="id"), "reads.found.entity"),
        (with_record("Club", id="id", name="a" + ".a" * 20, city="city"), "reads.clubs: its records select 21"),
        (with_record("Membership", owner="{key}", club="x", number="y"), "records.Membership.owner"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_with_its_place(tables: dict[str, Any], place: str) -> None:
    with pytest.raises((NotDeclarableError, ValueError)) as refused:
        build(open_driver({"driver": "graphql"}), tables)
    assert place in str(refused.value)

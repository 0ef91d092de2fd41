"""Declared reads over HTTP: what is sent, what is made of replies, and which declarations are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson
import pytest

from connectors.declared.tables import NotDeclarableError
from connectors.resilience.breaker import BreakerState
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable
from records.identifiers import Nik
from tests.connectors.declared.http.booths import (
    BOOTH,
    BUDI,
    ROW,
    SITI,
    TABLES,
    Booth,
    BoothPermitQuery,
    BoothQuery,
    build,
    change,
    change_booth,
    open_driver,
    open_gate,
    rows,
    serve,
)
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes
from tests.connectors.failures import make_call


class TestHttpRequests:
    @pytest.mark.parametrize(
        ("read", "key", "target"),
        [
            ("booths", "12", "GET /v1/booths/12"),
            ("listed", "12", "GET /v1/booths"),
            ("found", BoothQuery(search="x"), "GET /v1/booths"),
            ("permits_of", "503/1 é?", "GET /v1/booths/no-503%2F1%20%C3%A9%3F/permits/"),
            ("permits_of", "..%2f", "GET /v1/booths/no-..%252f/permits/"),
            (
                "permits",
                BoothPermitQuery(district="TANAH ABANG", year=26),
                "GET /v1/permits?area%5B%5D=TANAH+ABANG&year=y000026&size=100",
            ),
        ],
    )
    async def test_keys_are_percent_encoded(self, read: str, key: object, target: str) -> None:
        async with serve({}) as (connector, server):
            with suppress(AgencyMalformed):
                await getattr(connector, read)([key], make_call())
        assert [f"{each.method} {each.target}" for each in server.asked] == [target]

    async def test_a_form_is_posted_and_the_number_is_not_in_the_address(self) -> None:
        async with serve(rows({})) as (connector, server):
            assert await connector.booths_of([SITI], make_call()) == {SITI: (BOOTH,)}
        [asked] = server.asked
        assert (asked.method, asked.target, asked.body) == ("POST", "/v1/booths/search", f"nik={SITI}".encode())

    @pytest.mark.parametrize(
        ("read", "keys"),
        [
            ("booths", ["", "x", "../1", "1/2", "01", "-1", "１", "9" * 19]),  # noqa: RUF001 - a full-width digit
            ("booths_of", [Nik("1"), Nik(f"{SITI}0"), Nik(f"{SITI}\n")]),
            ("permits_of", ["", "a.", "a\n", "9" * 201]),
            ("permits", [BoothPermitQuery(district="tanah&x=1", year=2026), BoothPermitQuery(district="", year=2026)]),
            ("listed", []),
            ("found", []),
        ],
    )
    async def test_a_key_of_another_form_is_unknown_and_not_sent(self, read: str, keys: list[object]) -> None:
        assert await getattr(build(open_driver()), read)(keys, make_call()) == {}  # no server is there


class TestHttpReplies:
    async def test_a_single_record_is_an_object_or_a_list_of_one(self) -> None:
        for data in (ROW, [ROW]):
            async with serve({"data": data}) as (connector, _):
                assert await connector.booths(["7"], make_call()) == {"7": BOOTH}

    async def test_several_rows_for_a_key_with_one_record_are_a_mismatch(self) -> None:
        async with serve({"data": [ROW, ROW]}) as (connector, _):
            answer = (await connector.booths(["7"], make_call()))["7"]
        assert answer.detail == "several records for a key that has one"

    async def test_404_and_an_empty_list_are_an_absent_record(self) -> None:
        async with serve({"data": []}) as (connector, _):
            assert await connector.booths(["7"], make_call()) == {}
        async with serve_bytes(reply(404)) as server:
            http = open_driver(server.url)
            assert await build(http).booths(["7"], make_call()) == {}
            with pytest.raises(AgencyRefused, match="kios") as refused:
                await build(http).listed(["7"], make_call())
            await http.close()
        assert refused.value.detail == "HTTP 404"

    @pytest.mark.parametrize(
        ("code", "answer"),
        [
            ("00", "BOOTH"),
            (0, "BOOTH"),
            (14, "absent"),
            ("68", AgencyRefused("kios", "code 68")),
            (96, AgencyUnavailable("kios", "code 96")),
            (True, AgencyMalformed("kios", "the answer has no code")),
            (None, AgencyMalformed("kios", "the answer has no code")),
            ({}, AgencyMalformed("kios", "not readable as a code")),
            (SITI, AgencyRefused("kios", "code")),
        ],
    )
    async def test_a_result_code_inside_200_decides_before_the_rows(self, code: object, answer: object) -> None:
        trouble = {
            "code": "status.code",
            "success": "0?0",
            "absent": "14|15",
            "unavailable": r"9\d",
            "refused": r"\d\d|\d{16}",
        }
        gate = open_gate()
        body = {"status": {"code": code}, "data": ROW}
        async with serve(body, tables=TABLES | {"trouble": trouble}, gate=gate) as (connector, _):
            found = (await connector.booths(["7"], make_call())).get("7", "absent")
        if isinstance(answer, AgencyFailure):
            assert (type(found), found.detail) == (type(answer), answer.detail)
            counted = not isinstance(answer, AgencyRefused)
            assert gate.breaker_state is (BreakerState.OPEN if counted else BreakerState.CLOSED)
        else:
            assert found == (BOOTH if answer == "BOOTH" else answer)

    async def test_another_client_error_is_refused(self) -> None:
        async with serve_bytes(reply(422)) as server:
            http = open_driver(server.url)
            answer = (await build(http).booths(["7"], make_call()))["7"]
            await http.close()
        assert (type(answer), answer.detail) == (AgencyRefused, "HTTP 422")

    @pytest.mark.parametrize("nik", [BUDI, None, f"{SITI} x", f"0{SITI}"])
    async def test_a_row_of_another_person_rejects_the_reply_inside_the_gate(self, nik: object) -> None:
        gate = open_gate()
        async with serve(rows({}, {"id": 8, "nik": nik}), gate=gate) as (connector, _):
            answer = (await connector.booths_of([SITI], make_call()))[SITI]
        assert (type(answer), answer.detail) == (AgencyMalformed, "a row for a key that was not requested")
        assert (gate.counts.mismatches, gate.breaker_state) == (1, BreakerState.OPEN)

    async def test_an_unreadable_row_names_its_field_and_does_not_count_at_the_breaker(self) -> None:
        gate = open_gate()
        async with serve(rows({"lot": 5}), gate=gate) as (connector, _):
            answer = (await connector.booths_of([SITI], make_call()))[SITI]
        assert answer.detail == "not readable as an object (BoothLot.number)"
        assert gate.breaker_state == BreakerState.CLOSED

    @pytest.mark.parametrize("body", [[], {"data": {}}, {"data": {"rows": {}}}, {"data": {"rows": [5]}}, None, 5])
    async def test_a_reply_without_a_list_is_malformed_and_counts_at_the_breaker(self, body: object) -> None:
        gate = open_gate()
        async with serve(body, gate=gate) as (connector, _):
            with pytest.raises(AgencyMalformed):
                await connector.listed(["7"], make_call())
        assert gate.breaker_state == BreakerState.OPEN

    async def test_more_than_a_thousand_rows_are_malformed(self) -> None:
        async with serve({"data": {"rows": [{"id": 1}] * 1001}}) as (connector, _):
            with pytest.raises(AgencyMalformed) as caught:
                await connector.listed(["7"], make_call())
        assert caught.value.detail == "not readable as a list of objects of at most 1000 rows"

    async def test_a_row_that_may_be_incomplete_is_left_out_and_another_unreadable_one_fails(self) -> None:
        async with serve(rows({"id": "-"}, {})) as (connector, _):
            assert await connector.booths_of([SITI], make_call()) == {SITI: (BOOTH,)}
        async with serve(rows({"lot": None}, {"id": 8})) as (connector, _):
            answer = (await connector.booths_of([SITI], make_call()))[SITI]
        assert answer.detail == "not readable as a text (BoothLot.number)"

    @pytest.mark.parametrize(("street", "count"), [("Jl. Kenanga", 1), ("Jl. Melati", None)])
    async def test_a_record_listed_twice_counts_once_or_fails(self, street: str, count: int | None) -> None:
        async with serve(rows({}, {"address": {"street": street}, "unread": 1})) as (connector, _):
            answer = (await connector.booths_of([SITI], make_call()))[SITI]
        assert (None if isinstance(answer, AgencyFailure) else len(answer)) == count

    async def test_the_failure_of_one_key_leaves_the_others(self) -> None:
        async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            is_seven = asked.target.endswith("/7")
            writer.write(reply(200, orjson.dumps({"data": ROW})) if is_seven else reply(503))

        async with serve(script) as (connector, server):
            answers = await connector.booths([str(each) for each in range(3, 9)], make_call())
        assert {key for key, each in answers.items() if isinstance(each, Booth)} == {"7"}
        assert len(server.asked) >= 6


class TestHttpLists:
    async def test_requested_keys_are_selected_from_one_call_and_an_unreadable_row_fails_alone(self) -> None:
        answer = rows({}, {"id": "8", "nik": "-"}, {"id": 9, "nik": "-"}, {"id": 10, "lot": None})
        async with serve(answer) as (connector, server):
            answers = await connector.listed(["7", "8", "10", "11"], make_call())
        assert answers["7"] == BOOTH
        assert answers["8"].detail == "not readable as a NIK (Booth.owner)"
        assert list(answers) == ["7", "8"]
        assert len(server.asked) == 1

    async def test_a_reply_that_is_now_an_object_and_now_the_list_itself_is_read(self) -> None:
        listed = [ROW, {**ROW, "id": "8"}]
        for body in ({"data": {"rows": listed}}, listed):
            async with serve(body) as (connector, _):
                assert list(await connector.listed(["7", "8"], make_call())) == ["7", "8"]

    async def test_a_key_listed_in_two_forms_fails_alone(self) -> None:
        async with serve(rows({}, {"id": 8}, {"id": 8, "nik": BUDI})) as (connector, _):
            answers = await connector.listed(["7", "8"], make_call())
        assert answers["7"] == BOOTH
        assert answers["8"].detail == "one record is listed twice, with different contents"

    async def test_searches_share_one_call_and_ignore_case(self) -> None:
        streets = ["Jl. Kenanga", "Jl. MELATI", None]
        answer = rows(*({"id": number, "address": {"street": each}} for number, each in enumerate(streets)))
        queries = [BoothQuery(search=each) for each in ("jl", " melati ", "", "x")]
        async with serve(answer) as (connector, server):
            answers = await connector.found(queries, make_call())
        found = [each for each in answers.values() if not isinstance(each, AgencyFailure)]
        assert [[each.street for each in booths] for booths in found] == [
            streets[:2],
            streets[1:2],
            streets,
            [],
        ]
        assert len(server.asked) == 1

    async def test_an_unreadable_row_fails_a_search(self) -> None:
        async with serve(rows({}, {"nik": None})) as (connector, _):
            with pytest.raises(AgencyMalformed) as caught:
                await connector.found([BoothQuery()], make_call())
        assert caught.value.detail == "not readable as a NIK (Booth.owner)"


async def test_a_probe_fails_where_its_only_call_fails() -> None:
    async with serve_bytes(reply(503)) as server:
        http = open_driver(server.url)
        with pytest.raises(AgencyUnavailable):
            await build(http).probe(make_call())
        await http.close()


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "a path with a host": (
        change("listed", path="//evil.example/x"),
        "reads.listed.path: not a path below the agency's",
    ),
    "an address": (change("listed", path="http://evil.example"), "reads.listed.path: not a path below the agency's"),
    "a path that goes up": (
        change("listed", path="v1/../../admin"),
        "reads.listed.path: not a path below the agency's",
    ),
    "a query in the path": (
        change("listed", path="v1/booths?all=1"),
        "reads.listed.path: not a path below the agency's",
    ),
    "an encoded path": (change("listed", path="v1/%2e%2e/x"), "reads.listed.path: not a path below the agency's"),
    "a line break": (change("listed", path="v1/booths\n"), "reads.listed.path: not a path below the agency's"),
    "an unknown placeholder": (
        change("booths", path="v1/{id}"),
        "reads.booths.path: the key has no part 'id'; write one of {key}",
    ),
    "a placeholder with code": (
        change("permits", query={"a": "{district.__class__}"}),
        "reads.permits.query.a: a brace without a placeholder; write one of {district}, {year}",
    ),
    "a text as a number": (
        change("permits", query={"a": "{district:04}"}),
        "reads.permits.query.a: {district} is not a number; write {district}",
    ),
    "a pattern that allows dots": (
        change("permits_of", key_pattern=".*"),
        "reads.permits_of.path: the pattern of {key} allows an empty text, '.' or '..' in the path",
    ),
    "a wrong pattern": (
        change("permits_of", key_pattern="("),
        "reads.permits_of.key_pattern: not a regular expression: missing ), unterminated subpattern",
    ),
    "a pattern and a number": (
        change("booths", key_pattern="[0-9]+"),
        "reads.booths.key_type: a number has its own pattern; give key_type or key_pattern",
    ),
    "a pattern for a number": (
        change("permits", key_pattern={"district": "[A-Z]+", "year": "2026"}),
        "reads.permits.key_pattern: 'year' is not a text of the key; it has district",
    ),
    "the name of a parameter": (
        change("permits", query={"a&b": "{district}"}),
        "reads.permits.query: 'a&b' is not the name of a parameter",
    ),
    "an unused part": (
        change("permits", query={"area": "{district}"}),
        "reads.permits: the answer would not depend on 'year': send {year}",
    ),
    "an unused key": (
        change("listed", key=None),
        "reads.listed: the answer would not depend on 'key': name the column of the key in `key`, or send {key}",
    ),
    "a person whose number is not repeated": (
        change("booths_of", key=None),
        "reads.booths_of: rows must repeat the number of the person: name its column in `key`",
    ),
    "a key that has no such part": (
        change("permits", key={"area": "area"}),
        "reads.permits.key: the key has no part 'area'; it has district, year",
    ),
    "a search by key": (
        change("listed", search="street"),
        "reads.listed.search: the domain does not ask for a list by the text `search`; remove the line",
    ),
    "a search for a record": (change("found", search="lot"), "reads.found.search: the record Booth has no text"),
    "a search with a call for each": (
        change("found", query={"q": "{search}"}, key_pattern={"search": "[a-z]+"}),
        "reads.found.search: it looks in one list for all queries; remove the line",
    ),
    "a function for a list of all": (
        change("listed", python="connectors.prices:read_trend"),
        "reads.listed.python: it is for a read with one call for each key; remove the line",
    ),
    "a function that does not exist": (
        change("permits", python="connectors.prices:read_tend"),
        "reads.permits.python: connectors.prices has no function 'read_tend'",
    ),
    "a function from elsewhere": (
        change("permits", python="connectors.prices:fmean"),
        "reads.permits.python: connectors.prices has no function 'fmean'",
    ),
    "a module that does not exist": (
        change("permits", python="connectors.price.x:read"),
        "reads.permits.python: there is no module connectors.price.x",
    ),
    "a function with another result": (
        change("permits", python="connectors.prices:read_trend"),
        "reads.permits.python: read_trend returns another type than is needed here",
    ),
    "a column that may be missing": (
        change("found", skip_without="address.street"),
        "reads.found.skip_without: a record needs no 'address.street'; remove it here",
    ),
    "an identity that may be missing": (
        change("found", id="address.street"),
        "reads.found.id: a record can be without 'address.street'",
    ),
    "a probe of a query": (
        TABLES | {"probe": {"read": "found", "key": "1"}},
        "probe.key: the read takes a query: write JSON with search",
    ),
    "a probe that is not sent": (
        TABLES | {"probe": {"read": "booths", "key": "x"}},
        "probe.key: the read booths would not send it; see its key_pattern",
    ),
    "a person from the request": (
        change_booth(owner="{key}"),
        "records.Booth.owner: the number of a person must come from the row: name its column",
    ),
    "a key in a list of all": (
        change_booth(street="{key}"),
        "reads.found: Booth takes {key}, but no call is for one key",
    ),
    "a key with parts in a record": (
        TABLES | {"records": TABLES["records"] | {"BoothPermit": {"booth": "{key}", "number": "number"}}},
        "reads.permits: BoothPermit takes {key}, but this key has parts",
    ),
    "a record within that is not declared": (
        TABLES | {"records": {name: each for name, each in TABLES["records"].items() if name != "BoothLot"}},
        "records.BoothLot: the read booths gives it, and none is declared",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_manifest_that_does_not_fit_is_refused_with_its_place_and_the_fix(case: str) -> None:
    tables, message = REFUSED[case]
    with pytest.raises(NotDeclarableError) as refused:
        build(open_driver(), tables)
    assert str(refused.value).startswith(message)

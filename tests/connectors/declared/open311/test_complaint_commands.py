"""Complaints are submitted to servers of the standard once, and found again only where the server can tell."""

from __future__ import annotations

from asyncio import StreamWriter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from connectors.declared.http.command_tables import HttpCommandTable
from connectors.declared.http.commands import CommandForm, SentCommand
from connectors.declared.open311.complaint_commands import Open311Commands
from connectors.declared.tables import CommandTable, NotDeclarableError
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout, AgencyUnavailable
from records.calls.outgoing_commands import CommandAnswer, CommandDone, CommandPending, CommandRefused, OutgoingCommand
from records.clocks import CITY_TIME_ZONE
from records.complaints import ComplaintAnswer, ComplaintPublishing, NewComplaint, NewComplaintComment
from records.hub.commands import LookupClass
from records.identifiers import Nik, RegionCode
from records.regions import Coordinates
from tests.connectors.declared.open311.manifests import connect_to, parse_wire
from tests.connectors.drivers.byte_server import (
    ByteServer,
    ReceivedRequest,
    Script,
    answer_with,
    reply,
    serve_bytes,
    silence,
)
from tests.connectors.failures import make_call
from tests.sandbox.open311.georeport_server import JURISDICTION, GeoReportServer

NOW = datetime(2026, 11, 29, 12, tzinfo=CITY_TIME_ZONE)
SITI = Nik("3171014506909001")
EXTENSIONS = {"reference": "ref", "reporter": "nik", "page_size": "size", "region": "area", "private": {"show": "no"}}
HOLE = NewComplaint(
    category_code="001",
    description="A hole & more",
    coordinates=Coordinates(latitude=-6.175392, longitude=106.827153),
    region_code=RegionCode("31.71.01.1001"),
    address="Jl. Medan Merdeka",
    answers=(ComplaintAnswer(code="SIZE", values=("BIG",)), ComplaintAnswer(code="LANE", values=("1", "2"))),
)


def build_command(number: str = "TT-26-ABCDEFGHJK", payload: NewComplaint = HOLE) -> OutgoingCommand[NewComplaint]:
    return OutgoingCommand(number=number, subject=SITI, payload=payload)


def build(commands: Open311Commands, table: CommandTable | None = None) -> SentCommand:
    form = CommandForm(name="submit_complaint", payload=NewComplaint, has_case=False)
    return commands.build(form, table or CommandTable())


@asynccontextmanager
async def connect(url: str, **wire: Any) -> AsyncIterator[Open311Commands]:  # noqa: ANN401 - keys of `[wire]`
    table = parse_wire(url, **{"visibility": "private", "public_fields": None, **wire})
    records = {"Complaint": {"reporter": "extended_attributes.nik"}}
    async with connect_to(table, NOW, records=records) as connector:
        yield connector.commands


@asynccontextmanager
async def serve(script: Script | bytes, **wire: Any) -> AsyncIterator[tuple[Open311Commands, ByteServer]]:  # noqa: ANN401 - keys of `[wire]`
    async with serve_bytes(script) as server, connect(f"{server.url}/v2", **wire) as commands:
        yield commands, server


async def submit(commands: Open311Commands, payload: NewComplaint = HOLE) -> CommandAnswer | AgencyFailure | None:
    command = build_command(payload=payload)
    return (await commands.submit_complaints([command], make_call())).get(command)


async def find(commands: Open311Commands) -> CommandAnswer | AgencyFailure | None:
    command = build_command()
    return (await commands.find_submitted_complaints([command], make_call())).get(command)


def list_rows(*references: str | None) -> bytes:
    rows = [
        {"service_request_id": n, "extended_attributes": {"ref": each}} for n, each in enumerate(references, start=7)
    ]
    return reply(200, orjson.dumps(rows))


class TestAStrictServer:
    @pytest.mark.parametrize("form", ["json", "xml"])
    async def test_it_takes_a_complaint_with_the_arguments_of_the_standard_alone(self, form: str) -> None:
        strict = GeoReportServer(rows=[], now=NOW)
        async with strict.served() as server, connect(f"{server.url}/v2", format=form) as commands:
            assert build(commands).lookup is LookupClass.NONE
            assert await submit(commands) == CommandDone(agency_id="00001")
        [asked] = server.asked
        assert (asked.method, asked.target) == ("POST", f"/v2/requests.{form}")
        assert sorted(parse_qsl(asked.body.decode())) == [
            ("address_string", "Jl. Medan Merdeka"),
            ("attribute[LANE][]", "1"),
            ("attribute[LANE][]", "2"),
            ("attribute[SIZE]", "BIG"),
            ("description", "A hole & more"),
            ("jurisdiction_id", JURISDICTION),
            ("lat", "-6.175392"),
            ("long", "106.827153"),
            ("service_code", "001"),
        ]
        assert [each["description"] for each in strict.rows] == ["A hole & more"]

    async def test_its_refusal_is_a_refused_command(self) -> None:
        strict = GeoReportServer(rows=[], now=NOW)
        async with strict.served() as server, connect(f"{server.url}/v2") as commands:
            wrong = NewComplaint(category_code="999", description="?", address="?")
            assert await submit(commands, wrong) == CommandRefused(code="INVALID", field="categoryCode")
        assert strict.rows == []

    async def test_it_cannot_be_asked_whether_a_complaint_arrived(self) -> None:
        async with serve(list_rows()) as (commands, server):
            assert isinstance(await find(commands), AgencyMalformed)
        assert server.asked == []


async def test_the_extensions_of_a_server_carry_reporter_reference_region_and_privacy() -> None:
    async with serve(reply(200, b'[{"service_request_id": 7}]'), extensions=EXTENSIONS) as (commands, server):
        assert build(commands).lookup is LookupClass.REFERENCE
        assert await submit(commands) == CommandDone(agency_id="7")
    sent = dict(parse_qsl(server.asked[0].body.decode()))
    assert (sent["ref"], sent["nik"], sent["area"], sent["show"]) == (
        "TT-26-ABCDEFGHJK",
        SITI,
        "31.71.01.1001",
        "no",
    )


@pytest.mark.parametrize(("token", "read"), [('"abc"', "abc"), ("638344", "638344")])
async def test_a_token_in_place_of_an_id_is_kept_to_ask_for_the_id(token: str, read: str) -> None:
    row = f'[{{"service_request_id": null, "token": {token}}}]'.encode()
    async with serve(reply(200, row)) as (commands, _):
        assert await submit(commands) == CommandPending(token=read)


@pytest.mark.parametrize("extensions", [{}, EXTENSIONS])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(404, b"[]"), CommandPending(token="t-1")),
        (reply(200, b"[]"), CommandPending(token="t-1")),
        (reply(200, b'[{"token": "t-1"}]'), CommandPending(token="t-1")),
        (reply(200, b'[{"service_request_id": null, "token": "t-1"}]'), CommandPending(token="t-1")),
        (reply(200, b'[{"service_request_id": 7, "token": "t-1"}]'), CommandDone(agency_id="7")),
    ],
)
async def test_a_token_is_asked_until_it_has_an_id(
    answer: bytes, expected: CommandAnswer, extensions: Mapping[str, Any]
) -> None:
    command = replace(build_command(), token="t-1")
    async with serve(answer, extensions=extensions) as (commands, server):
        assert (await commands.find_submitted_complaints([command], make_call()))[command] == expected
    assert [each.target for each in server.asked] == [f"/v2/tokens/t-1.json?jurisdiction_id={JURISDICTION}"]


@pytest.mark.parametrize("answer", [reply(500), reply(200, b"{}"), reply(200, b'[{"token": "t-2"}]')])
async def test_a_failed_question_for_a_token_proves_nothing(answer: bytes) -> None:
    command = replace(build_command(), token="t-1")
    async with serve(answer) as (commands, _):
        found = (await commands.find_submitted_complaints([command], make_call()))[command]
    assert isinstance(found, AgencyFailure)


async def test_a_token_that_could_change_the_address_is_not_asked() -> None:
    command = replace(build_command(), token="../requests?x")
    async with serve(reply(200, b"[]")) as (commands, server):
        found = (await commands.find_submitted_complaints([command], make_call()))[command]
    assert (found, server.asked) == (CommandPending(token="../requests?x"), [])


@pytest.mark.parametrize(
    ("answer", "kind", "sent"),
    [
        (reply(500), AgencyUnavailable, True),
        (reply(502), AgencyUnavailable, True),
        (reply(503, Retry_After="5"), AgencyUnavailable, True),
        (reply(200, b"[]"), AgencyMalformed, True),
        (reply(200, b"[{}]"), AgencyMalformed, True),
        (reply(200, b"<html>"), AgencyMalformed, True),
        (reply(200, b"[{")[:-1], AgencyFailure, True),
        (b"", AgencyUnavailable, True),
        (reply(303, Location="/requests/7"), AgencyMalformed, True),
        (reply(308, Location="/v2/requests.json/"), AgencyMalformed, True),
        (reply(404, b"<h1>Not Found</h1>"), AgencyRefused, True),
        (reply(405), AgencyRefused, True),
        (reply(413, b"too large"), AgencyRefused, True),
        (reply(401), AgencyRefused, True),
        (reply(403), AgencyRefused, True),
        (reply(429, Retry_After="5"), AgencyRefused, True),
    ],
)
async def test_a_failure_is_sent_once_and_says_that_something_may_have_arrived(
    answer: bytes, kind: type[AgencyFailure], *, sent: bool
) -> None:
    async with serve(answer_with(answer, then_hang_up=True)) as (commands, server):
        failure = await submit(commands)
        assert isinstance(failure, kind)
        assert failure.sent is sent
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (b'[{"code": 400, "description": "attribute[UKURAN] is required for this service_code"}]', "answers.UKURAN"),
        (b'{"errors": {"error": {"description": "lat and long must be on the map"}}}', "point"),
        (b'{"description": "the address_string is empty"}', "address"),
        (b'[{"description": "no"}, {"description": "media_url is gone"}]', "photos"),
        (b'[{"description": "Siti of Jalan Melati is unknown"}]', None),
        (b'[{"description": 5}]', None),
        (b"[]", None),
        (b"5", None),
    ],
)
async def test_a_refusal_names_the_argument_that_the_error_names_and_nothing_else(
    error: bytes, field: str | None
) -> None:
    async with serve(reply(400, error)) as (commands, _):
        assert await submit(commands) == CommandRefused(code="INVALID", field=field)


@pytest.mark.parametrize(
    "answer",
    [
        reply(400),
        reply(422, b"invalid"),
        reply(404, b'[{"code": 404, "description": "The group was not found"}]'),
        reply(400, b"<errors><error><code>400</code><description>no</description></error></errors>"),
    ],
)
async def test_an_error_of_the_standard_in_any_form_is_a_refusal(answer: bytes) -> None:
    async with serve(answer) as (commands, _):
        assert await submit(commands) == CommandRefused(code="INVALID")


async def test_a_key_of_the_hub_is_an_argument_of_the_form_and_not_in_the_address() -> None:
    key = {"credential": {"form": {"api_key": "k-1"}}}
    async with serve(reply(201, b'[{"service_request_id": 7}]'), **key) as (commands, server):
        assert await submit(commands) == CommandDone(agency_id="7")
    assert dict(parse_qsl(server.asked[0].body.decode()))["api_key"] == "k-1"
    assert "k-1" not in server.asked[0].target


async def test_silence_is_a_timeout_after_which_the_complaint_may_have_arrived() -> None:
    async with serve(silence) as (commands, server):
        command = build_command()
        failure = (await commands.submit_complaints([command], make_call(seconds=0.3)))[command]
        assert isinstance(failure, AgencyTimeout)
        assert (failure.sent, len(server.asked)) == (True, 1)


async def test_without_a_connection_nothing_was_sent() -> None:
    async with connect("http://127.0.0.1:9/v2") as commands:
        failure = await submit(commands)
        assert isinstance(failure, AgencyUnavailable)
        assert failure.sent is False


async def test_a_complaint_is_not_sent_again_over_a_connection_that_the_server_closed() -> None:
    """The server closes the kept connection on the second request, after it received it."""

    async def script(_asked: ReceivedRequest, writer: StreamWriter) -> None:
        if len(server.asked) == 1:
            writer.write(reply(200, b'[{"service_request_id": 7}]'))
        else:
            writer.close()

    async with serve(script) as (commands, server):
        assert await submit(commands) == CommandDone(agency_id="7")
        failure = await submit(commands)
        assert isinstance(failure, AgencyUnavailable)
        assert (failure.sent, len(server.asked)) == (True, 2)


class TestALookupByReference:
    @pytest.mark.parametrize(
        ("references", "found"),
        [
            ((), None),
            (("TT-26-ABCDEFGHJK",), CommandDone(agency_id="7")),
            (("TT-26-ABCDEFGHJK", "TT-26-ABCDEFGHJK"), CommandDone(agency_id="7", copies=2)),
        ],
    )
    async def test_it_finds_what_the_server_stored(
        self, references: tuple[str, ...], found: CommandAnswer | None
    ) -> None:
        async with serve(list_rows(*references), extensions=EXTENSIONS) as (commands, server):
            assert await find(commands) == found
        assert (server.asked[0].method, server.asked[0].target) == ("POST", "/v2/requests/search.json")
        assert dict(parse_qsl(server.asked[0].body.decode()))["ref"] == "TT-26-ABCDEFGHJK"

    @pytest.mark.parametrize("others", [("TT-26-OTHEROTHER",), (None,), ("TT-26-ABCDEFGHJK", None)])
    async def test_a_server_that_ignores_the_reference_proves_nothing(self, others: tuple[str | None, ...]) -> None:
        async with serve(list_rows(*others), extensions=EXTENSIONS) as (commands, _):
            assert isinstance(await find(commands), AgencyMalformed)

    @pytest.mark.parametrize("answer", [reply(400), reply(500), reply(200, b"{}"), reply(200, b'[{"x": 1}]')])
    async def test_a_failed_lookup_proves_nothing(self, answer: bytes) -> None:
        async with serve(answer, extensions=EXTENSIONS) as (commands, _):
            assert isinstance(await find(commands), AgencyFailure)


@pytest.mark.parametrize(
    ("visibility", "records"), [("public", {}), ("by_request", {"Complaint": {"is_public": "public"}})]
)
async def test_a_server_that_publishes_new_requests_takes_none(visibility: str, records: Mapping[str, Any]) -> None:
    table = parse_wire(visibility=visibility, public_fields=[])
    async with connect_to(table, NOW, records=records) as connector:
        with pytest.raises(NotDeclarableError, match=r"extensions\.private") as refusal:
            build(connector.commands)
    assert refusal.value.place == "commands.submit_complaint"


DECLARED = {"path": "requests/{case_id}/publication.json", "form": {"ref": "{number}"}, "lookup": "none"}


@pytest.mark.parametrize(
    ("wire", "records", "problem"),
    [
        ({"visibility": "private", "public_fields": None}, {}, "by_request"),
        (
            {"visibility": "by_request", "public_fields": ["description", "address", "coordinates"]},
            {"Complaint": {"is_public": "public"}},
            "add 'photos' to public_fields",
        ),
        ({"visibility": "private", "public_fields": None, "format": "xml"}, {}, "declared commands read JSON"),
    ],
)
async def test_a_publication_that_shows_something_else_than_confirmed_is_refused_at_the_start(
    wire: Mapping[str, Any], records: Mapping[str, Any], problem: str
) -> None:
    form = CommandForm(name="publish_complaint", payload=ComplaintPublishing, has_case=True)
    async with connect_to(parse_wire(**wire), NOW, records=records) as connector:
        with pytest.raises(NotDeclarableError, match=problem) as refusal:
            connector.commands.build(form, HttpCommandTable.model_validate(DECLARED))
    assert refusal.value.place == "commands.publish_complaint"


async def test_a_declared_command_goes_to_the_same_server() -> None:
    form = CommandForm(name="comment_complaint", payload=NewComplaintComment, has_case=True)
    table = HttpCommandTable.model_validate(
        {"path": "requests/{case_id}/comments.json", "form": {"text": "{text}"}, "lookup": "none"}
    )
    async with serve(reply(201)) as (commands, server):
        sent = commands.build(form, table)
        command = OutgoingCommand(number="TT-1", subject=SITI, payload=NewComplaintComment(text="a b"), case_id="17")
        assert await sent.send([command], make_call()) == {command: CommandDone()}
    [asked] = server.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/v2/requests/17/comments.json", b"text=a+b")

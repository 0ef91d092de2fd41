"""Declared commands send exactly what the manifest says, once, and are found again only where that proves something."""

from __future__ import annotations

from asyncio import StreamWriter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.declared.http.command_parts import list_command_parts
from connectors.declared.http.command_tables import HttpCommandTable
from connectors.declared.http.commands import CommandForm, SentCommand, build_http_command
from connectors.declared.http.requests import StatusUse, compile_request
from connectors.declared.tables import CommandTable, NotDeclarableError
from connectors.declared.templates import TemplateWriter
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout, AgencyUnavailable
from records.calls.outgoing_commands import (
    CommandAmbiguous,
    CommandAnswer,
    CommandDone,
    CommandRefused,
    OutgoingCommand,
)
from records.hub.commands import LookupClass
from records.identifiers import Nik
from records.record import record
from records.regions import Coordinates
from tests.connectors.declared.http.booths import open_driver
from tests.connectors.declared.tables import build_source
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

SITI = Nik("3171014506909001")
NUMBER = "TT-26-ABCDEFGHJK"
SENT_AT = datetime(2026, 11, 29, 5, 0, tzinfo=UTC)


@record
class Booking:
    """A payload of every kind of value."""

    text: str
    seats: int
    day: date
    note: str | None = None
    place: Coordinates | None = None
    days: tuple[str, ...] = ()


@record
class Remark:
    text: str


BOOKING = Booking(text="a & b = {c}", seats=2, day=date(2026, 12, 1), days=("1", "2"))
FORM: dict[str, Any] = {
    "ref": "{number}",
    "who": "{subject}",
    "text": "{text}",
    "seats": "{seats}",
    "day": "{day}",
    "note": "{note}",
    "lat": "{place_latitude}",
    "long": "{place_longitude}",
    "days": ["{days}"],
}
REMARK: dict[str, Any] = {
    "path": "matters/{case_id}/remarks",
    "form": {"ref": "{number}", "who": "{subject}", "text": "{text}"},
    "lookup": "reference",
    "find": {"path": "matters/{case_id}/remarks", "reference": "ref", "id": "id", "rows": "rows"},
}
SEARCH: dict[str, Any] = {
    **REMARK,
    "id": "id",
    "settle": "30 s",
    "lookup": "search",
    "find": {
        "path": "matters/{case_id}/remarks",
        "rows": "rows",
        "id": "id",
        "match": {"author": "{subject}", "text": "{text}"},
        "at": "at",
        "within": "5 min",
    },
}


def build(table: Mapping[str, Any], server: str, payload: type[Any], *, has_case: bool = True) -> SentCommand:
    form = CommandForm(name="remark", payload=payload, has_case=has_case)
    source = build_source("http", open_driver(server))
    return build_http_command(source, form, HttpCommandTable.model_validate(table))


@asynccontextmanager
async def serve(
    script: Script | bytes, table: Mapping[str, Any] = REMARK, payload: type[Any] = Remark, *, has_case: bool = True
) -> AsyncIterator[tuple[SentCommand, ByteServer]]:
    form = CommandForm(name="remark", payload=payload, has_case=has_case)
    async with serve_bytes(script) as server:
        driver = open_driver(server.url)
        yield build_http_command(build_source("http", driver), form, HttpCommandTable.model_validate(table)), server
        await driver.close()


def build_command(payload: object = Remark(text="Sudah?"), **more: Any) -> OutgoingCommand[Any]:  # noqa: ANN401 - a frozen record
    values: dict[str, Any] = {"case_id": "17", "sent_at": SENT_AT, "accepted_at": SENT_AT - timedelta(seconds=2)}
    return OutgoingCommand(number=NUMBER, subject=SITI, payload=payload, **(values | more))


async def send(sent: SentCommand, command: OutgoingCommand[Any] | None = None) -> CommandAnswer | AgencyFailure | None:
    wanted = command or build_command()
    return (await sent.send([wanted], make_call())).get(wanted)


async def find(sent: SentCommand, **more: Any) -> CommandAnswer | AgencyFailure | None:  # noqa: ANN401 - of the command
    command = build_command(**more)
    return (await sent.look_up([command], make_call())).get(command)


class TestWhatIsSent:
    async def test_a_form_holds_every_kind_of_value_and_leaves_out_what_is_missing(self) -> None:
        table = {"path": "bookings", "form": FORM, "lookup": "none"}
        async with serve(reply(201), table, Booking, has_case=False) as (sent, server):
            assert await send(sent, build_command(BOOKING, case_id=None)) == CommandDone()
        [asked] = server.asked
        assert (asked.method, asked.target) == ("POST", "/bookings")
        assert asked.body == (
            b"ref=TT-26-ABCDEFGHJK&who=3171014506909001&text=a+%26+b+%3D+%7Bc%7D&seats=2&day=2026-12-01&days=1&days=2"
        )

    async def test_a_json_body_keeps_numbers_and_lists(self) -> None:
        table = {"path": "bookings", "body": {**FORM, "days": "{days}"}, "lookup": "none", "method": "PUT"}
        place = Coordinates(latitude=-6.175392, longitude=106.827153)
        payload = Booking(text='"', seats=2, day=date(2026, 12, 1), note="n", place=place, days=("1", "2"))
        async with serve(reply(200, b"not JSON"), table, Booking, has_case=False) as (sent, server):
            assert await send(sent, build_command(payload, case_id=None)) == CommandDone()
        [asked] = server.asked
        assert (asked.method, asked.headers["content-type"]) == ("PUT", "application/json")
        assert orjson.loads(asked.body) == {
            "ref": NUMBER,
            "who": SITI,
            "text": '"',
            "seats": 2,
            "day": "2026-12-01",
            "note": "n",
            "lat": "-6.175392",
            "long": "106.827153",
            "days": ["1", "2"],
        }

    async def test_the_matter_is_in_the_path(self) -> None:
        async with serve(reply(204)) as (sent, server):
            assert await send(sent) == CommandDone()
        assert server.asked[0].target == "/matters/17/remarks"

    @pytest.mark.parametrize("case_id", ["..", "a/b", "3171014506909001", "", "a b", "x\0"])
    async def test_a_matter_that_an_address_cannot_hold_is_refused_and_not_sent(self, case_id: str) -> None:
        async with serve(reply(204)) as (sent, server):
            assert await send(sent, build_command(case_id=case_id)) == CommandRefused(code="UNKNOWN_CASE")
        assert server.asked == []

    @given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
    def test_no_text_of_a_person_reaches_another_field(self, text: str) -> None:
        parts = list_command_parts("commands.remark", Remark, has_case=True)
        values = parts.read(build_command(Remark(text=text)))
        fields = {"ref": "{number}", "text": "{text}", "by": "by {subject}: {text}"}
        wanted = {"ref": NUMBER, "text": text, "by": f"by {SITI}: {text}"}
        for key in ("form", "body"):
            writer = TemplateWriter(parts.types, parts.patterns, page={}, sends_numbers=False)
            table = HttpCommandTable.model_validate({"path": "{case_id}", "lookup": "none", key: fields})
            request = compile_request("commands.remark", table, writer, StatusUse(), {})(values, None)
            assert (request.form if key == "form" else orjson.loads(request.body or b"")) == wanted


REFUSING: dict[str, Any] = {
    **REMARK,
    "id": "id",
    "done": {"at": "state", "values": ["OK"]},
    "refused": {"status": {"409": "ALREADY_DONE"}, "at": "error", "values": {"CLOSED": "NOT_OPEN"}},
}


class TestWhatAReplyMeans:
    @pytest.mark.parametrize(
        ("answer", "meaning"),
        [
            (reply(200, b'{"state": "OK", "id": 7}'), CommandDone(agency_id="7")),
            (reply(409, b"{}"), CommandRefused(code="ALREADY_DONE")),
            (reply(409, b'{"error": "CLOSED"}'), CommandRefused(code="NOT_OPEN")),
            (reply(200, b'{"error": "CLOSED"}'), CommandRefused(code="NOT_OPEN")),
        ],
    )
    async def test_done_and_refused_are_as_declared(self, answer: bytes, meaning: CommandAnswer) -> None:
        async with serve(answer, REFUSING) as (sent, _):
            assert await send(sent) == meaning

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (reply(200, b'{"state": "OK"}'), AgencyMalformed),
            (reply(200, b'{"state": "QUEUED", "id": 7}'), AgencyMalformed),
            (reply(200, b"[]"), AgencyMalformed),
            (reply(200, b"<html>"), AgencyMalformed),
            (reply(302, Location="/x"), AgencyMalformed),
            (reply(400), AgencyRefused),
            (reply(401), AgencyRefused),
            (reply(403), AgencyRefused),
            (reply(429), AgencyRefused),
            (reply(500), AgencyUnavailable),
            (reply(503), AgencyUnavailable),
        ],
    )
    async def test_any_other_reply_is_a_failure_after_which_it_may_have_arrived(
        self, answer: bytes, kind: type[AgencyFailure]
    ) -> None:
        async with serve(answer_with(answer, then_hang_up=True), REFUSING) as (sent, server):
            failure = await send(sent)
        assert isinstance(failure, kind)
        assert (failure.sent, len(server.asked)) == (True, 1)

    async def test_silence_is_a_timeout_after_which_it_may_have_arrived(self) -> None:
        async with serve(silence) as (sent, server):
            command = build_command()
            failure = (await sent.send([command], make_call(seconds=0.3)))[command]
        assert isinstance(failure, AgencyTimeout)
        assert (failure.sent, len(server.asked)) == (True, 1)

    async def test_a_cut_connection_is_not_tried_again(self) -> None:
        async def script(_asked: ReceivedRequest, writer: StreamWriter) -> None:
            if len(server.asked) == 1:
                writer.write(reply(200))
            else:
                writer.close()

        async with serve(script) as (sent, server):
            assert await send(sent) == CommandDone()
            failure = await send(sent)
        assert isinstance(failure, AgencyUnavailable)
        assert (failure.sent, len(server.asked)) == (True, 2)

    async def test_without_a_connection_nothing_was_sent(self) -> None:
        driver = open_driver("http://127.0.0.1:9")
        form = CommandForm(name="remark", payload=Remark, has_case=True)
        table = HttpCommandTable.model_validate(REMARK)
        failure = await send(build_http_command(build_source("http", driver), form, table))
        await driver.close()
        assert isinstance(failure, AgencyUnavailable)
        assert failure.sent is False


def list_rows(*rows: Mapping[str, Any]) -> bytes:
    return reply(200, orjson.dumps({"rows": rows}))


MINE = {"id": 5, "ref": NUMBER}
OTHER = {"id": 6, "ref": "TT-26-OTHEROTHER"}


class TestALookupByNumber:
    @pytest.mark.parametrize(
        ("rows", "found"),
        [
            ((), None),
            ((OTHER,), None),
            ((OTHER, {"id": 9}), None),
            ((OTHER, MINE), CommandDone(agency_id="5")),
            ((MINE, MINE | {"id": 8}), CommandDone(agency_id="5", copies=2)),
        ],
    )
    async def test_a_list_is_searched_for_the_number(
        self, rows: tuple[Mapping[str, Any], ...], found: CommandAnswer | None
    ) -> None:
        async with serve(list_rows(*rows)) as (sent, server):
            assert await find(sent) == found
        assert (sent.lookup, server.asked[0].method) == (LookupClass.REFERENCE, "GET")

    async def test_a_filter_that_is_ignored_proves_nothing(self) -> None:
        table = {**REMARK, "find": REMARK["find"] | {"query": {"ref": "{number}"}}}
        async with serve(list_rows(OTHER), table) as (sent, server):
            assert isinstance(await find(sent), AgencyMalformed)
        assert server.asked[0].target == f"/matters/17/remarks?ref={NUMBER}"

    async def test_a_list_that_may_be_cut_proves_nothing(self) -> None:
        table = {**REMARK, "find": REMARK["find"] | {"cut_at": 2}}
        async with serve(list_rows(OTHER, OTHER), table) as (sent, _):
            assert isinstance(await find(sent), AgencyMalformed)

    @pytest.mark.parametrize(("says_none", "found"), [(True, None), (False, AgencyRefused)])
    async def test_a_missing_matter_proves_absence_only_if_the_manifest_says_so(
        self, *, says_none: bool, found: type[AgencyFailure] | None
    ) -> None:
        table = {**REMARK, "find": REMARK["find"] | {"missing_is_none": says_none}}
        async with serve(reply(404), table) as (sent, _):
            answer = await find(sent)
        assert answer is None if found is None else isinstance(answer, found)

    @pytest.mark.parametrize("answer", [reply(500), reply(400), reply(200, b"{}"), reply(200, b'{"rows": 1}')])
    async def test_a_failed_lookup_proves_nothing(self, answer: bytes) -> None:
        async with serve(answer) as (sent, _):
            assert isinstance(await find(sent), AgencyFailure)


def row(id_: int, *, author: str = SITI, text: str = "Sudah?", after: float = 1, **more: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
    at = SENT_AT + timedelta(seconds=after)
    return {"id": id_, "author": author, "text": text, "at": at.isoformat(), **more}


class TestASearchByAttributes:
    @pytest.mark.parametrize(
        ("rows", "found"),
        [
            ([], None),
            ([row(1)], CommandDone(agency_id="1")),
            ([row(1, text="  Sudah? ")], CommandDone(agency_id="1")),
            ([row(1, author="3171010101800002")], None),
            ([row(1, text="Belum?")], None),
            ([row(1, after=-303)], None),
            ([row(1, after=-301)], CommandDone(agency_id="1")),
            ([row(1, after=300)], CommandDone(agency_id="1")),
            ([row(1, after=301)], None),
            ([row(1), row(2)], CommandAmbiguous()),
        ],
    )
    async def test_person_text_and_time_must_fit(
        self, rows: list[Mapping[str, Any]], found: CommandAnswer | None
    ) -> None:
        async with serve(list_rows(*rows), SEARCH) as (sent, _):
            assert await find(sent) == found
        assert sent.lookup is LookupClass.SEARCH

    async def test_two_attempts_that_may_have_arrived_can_be_two_copies(self) -> None:
        async with serve(list_rows(row(1), row(2)), SEARCH) as (sent, _):
            assert await find(sent, attempts=2) == CommandDone(agency_id="1", copies=2)

    async def test_what_another_command_made_is_left_out(self) -> None:
        async with serve(list_rows(row(1), row(2)), SEARCH) as (sent, _):
            assert await find(sent, other_ids=frozenset({"1"})) == CommandDone(agency_id="2")
            assert await find(sent, other_ids=frozenset({"1", "2"})) is None

    @pytest.mark.parametrize("wrong", [{"at": None}, {"at": "yesterday"}, {"id": None}])
    async def test_a_row_without_time_or_id_proves_nothing(self, wrong: Mapping[str, Any]) -> None:
        async with serve(list_rows({**row(1), **wrong}), SEARCH) as (sent, _):
            assert isinstance(await find(sent), AgencyMalformed)


class TestWhatIsRefusedAtTheStart:
    @pytest.mark.parametrize(
        ("table", "place", "problem"),
        [
            (REMARK | {"form": {"ref": "{number}"}}, "commands.remark", "would not get 'text'"),
            (REMARK | {"path": "remarks"}, "commands.remark", "would not get 'case_id'"),
            (REMARK | {"path": "{case_id}/{text}"}, "commands.remark.path", "would stay in logs"),
            (REMARK | {"path": "{case_id}/{subject}"}, "commands.remark.path", "would stay in logs"),
            (REMARK | {"query": {"who": ["{subject}"]}}, "commands.remark.query", "would stay in logs"),
            (REMARK | {"path": "../{case_id}"}, "commands.remark.path", "not a path below"),
            (REMARK | {"form": {"text": "{text}"}}, "commands.remark.lookup", "a reference that it does not get"),
            (REMARK | {"form": {"text": "{words}"}}, "commands.remark.form.text", "no part 'words'"),
            (
                REMARK | {"find": REMARK["find"] | {"query": {"who": "{subject}"}}},
                "commands.remark.find.query",
                "would stay in logs",
            ),
            (
                SEARCH | {"find": SEARCH["find"] | {"match": {"text": "{text}"}}},
                "commands.remark.find.match",
                "rows of other people",
            ),
        ],
    )
    def test_what_loses_or_reveals_a_part_or_proves_nothing(
        self, table: Mapping[str, Any], place: str, problem: str
    ) -> None:
        with pytest.raises(NotDeclarableError, match=problem) as refusal:
            build(table, "http://127.0.0.1:9", Remark)
        assert refusal.value.place == place

    def test_a_payload_with_records_in_a_list(self) -> None:
        @record
        class Listed:
            remarks: tuple[Remark, ...]

        with pytest.raises(NotDeclarableError, match="'remarks' is neither text, number nor time"):
            build(REMARK, "http://127.0.0.1:9", Listed)

    def test_a_driver_without_declared_commands(self) -> None:
        source = build_source("http", open_driver("http://127.0.0.1:9"))
        form = CommandForm(name="remark", payload=Remark, has_case=False)
        with pytest.raises(NotDeclarableError, match="sends no declared commands"):
            build_http_command(source, form, CommandTable())

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"lookup": "none"}, 'find: say how it is found, or write lookup = "none"'),
            ({"find": None}, "find: say how it is found"),
            ({"lookup": "search"}, "find.reference: lookup = 'reference' needs"),
            ({"find": {"path": "x"}}, "find.reference: lookup = 'reference' needs"),
            ({"find": REMARK["find"] | {"at": "at"}}, 'find.at: it is for lookup = "search"'),
            ({"refused": {"status": {"500": "INVALID"}}}, "refused.status.500"),
            ({"refused": {"status": {"403": "INVALID"}}}, "HTTP 403 is about the hub's call"),
            ({"refused": {"status": {"409": "already done"}}}, "refused.status.409"),
            ({"refused": {"at": "code"}}, "`at` and `values` need each other"),
            ({"method": "GET"}, "method"),
            ({"body": {"a": 1}}, "a form or a JSON body"),
            ({"colour": 1}, "colour"),
        ],
    )
    def test_keys_that_contradict_each_other(self, change: Mapping[str, Any], problem: str) -> None:
        with pytest.raises(ValidationError) as refusal:
            HttpCommandTable.model_validate({**REMARK, **change})
        assert problem in str(refusal.value)

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"id": None}, "id: a search needs the identifiers"),
            ({"settle": "6 min"}, "find.within: shorter than `settle`"),
            *(({"find": SEARCH["find"] | {name: None}}, f"find.{name}") for name in ("at", "within", "id")),
        ],
    )
    def test_a_search_that_could_miss_or_take_too_much(self, change: Mapping[str, Any], problem: str) -> None:
        with pytest.raises(ValidationError) as refusal:
            HttpCommandTable.model_validate({**SEARCH, **change})
        assert problem in str(refusal.value)

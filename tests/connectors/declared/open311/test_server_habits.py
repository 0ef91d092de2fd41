"""What public servers do that the standard does not say, as their documentation and clients report it.

Chicago and Boston (Connected Bits), San Francisco, Baltimore, Toronto, and Mark-a-Spot (Bonn, Köln).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from connectors.declared.open311.complaints import Open311Complaints
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused
from records.clocks import CITY_TIME_ZONE
from records.complaints import Complaint, ComplaintPage, ComplaintQuery, ComplaintStatus
from records.regions import Coordinates
from tests.connectors.declared.open311.manifests import connect_to, parse_wire
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, reply, serve_bytes
from tests.connectors.failures import make_call
from tests.connectors.open311_servers import parameters, scripted
from tests.sandbox.open311.georeport_server import build_request

NOW = datetime(2026, 11, 29, 12, tzinfo=CITY_TIME_ZONE)
ROW = build_request(1, NOW - timedelta(days=1))
OTHER = build_request(2, NOW - timedelta(days=2))
LEAST = {"service_request_id": "1", "status": "open", "service_code": "1", "requested_datetime": "2026-11-28T05:00:00Z"}


@asynccontextmanager
async def answering(
    body: object,
    *,
    status: int = 200,
    max_batch_size: int | None = None,
    **wire: Any,  # noqa: ANN401 - keys of `[wire]`
) -> AsyncIterator[tuple[Open311Complaints, ByteServer]]:
    """A server that answers everything with this body, and its connector."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    keys = {"jurisdiction_id": None, "history_days": 60, **wire}
    async with (
        serve_bytes(reply(status, content)) as server,
        connect_to(parse_wire(server.url, **keys), NOW, max_batch_size=max_batch_size) as lapor,
    ):
        yield lapor, server


async def load_page(lapor: Open311Complaints) -> ComplaintPage | AgencyFailure:
    query = ComplaintQuery(first=9)
    return (await lapor.pages([query], make_call()))[query]


async def read_one(row: Mapping[str, object], **wire: Any) -> Complaint:  # noqa: ANN401 - keys of `[wire]`
    async with answering([row], **wire) as (lapor, _):
        page = await load_page(lapor)
    assert isinstance(page, ComplaintPage), page
    [found] = page.complaints
    return found


class TestListsThatAreObjects:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ([ROW, OTHER], ["00001", "00002"]),
            ({"service_requests": [ROW, OTHER]}, ["00001", "00002"]),
            ({"service_requests": {"request": [ROW, OTHER]}}, ["00001", "00002"]),
            ({"service_requests": {"request": ROW}}, ["00001"]),
            ({"service_requests": ROW}, ["00001"]),
            ({"service_requests": []}, []),
            ({"service_requests": {}}, []),
            ({"service_requests": None}, []),
            ({"service_requests": ""}, []),
        ],
    )
    async def test_a_list_may_be_within_an_object(self, body: object, expected: list[str]) -> None:
        async with answering(body) as (lapor, _):
            page = await load_page(lapor)
        assert isinstance(page, ComplaintPage)
        assert [each.id for each in page.complaints] == expected

    @pytest.mark.parametrize("body", [{}, {"errors": []}, {"service_requests": "x"}, {"request": [ROW]}, [[ROW]]])
    async def test_another_object_is_malformed_and_no_empty_list(self, body: object) -> None:
        async with answering(body) as (lapor, _):
            assert isinstance(await load_page(lapor), AgencyMalformed)

    async def test_services_may_be_within_an_object(self) -> None:
        body = {"services": {"service": [{"service_code": 7, "service_name": "Potholes"}]}}
        async with answering(body) as (lapor, _):
            [found] = (await lapor.categories(["7"], make_call())).values()
        assert not isinstance(found, AgencyFailure)
        assert (found.code, found.name, found.keywords) == ("7", "Potholes", ())

    @pytest.mark.parametrize("code", [None, "", "-", [], {}])
    async def test_a_service_without_a_code_is_left_out(self, code: object) -> None:
        async with answering([{"service_code": code}, {"service_code": 0}]) as (lapor, _):
            assert list(await lapor.categories(["0", "-"], make_call())) == ["0"]

    @pytest.mark.parametrize("token", [None, "t-2", [], {"a": 1}])
    async def test_the_id_of_another_token_is_rejected(self, token: object) -> None:
        async with answering([{"service_request_id": "7", "token": token}]) as (lapor, _):
            [found] = (await lapor.find_request_ids(["t-1"], make_call())).values()
        assert isinstance(found, AgencyMalformed)

    async def test_a_token_may_be_a_number(self) -> None:
        async with answering([{"service_request_id": 638344, "token": 12345}]) as (lapor, _):
            assert await lapor.find_request_ids(["12345"], make_call()) == {"12345": "638344"}


class TestValues:
    async def test_the_least_that_the_standard_requires_is_enough(self) -> None:
        found = await read_one(LEAST)
        assert (found.id, found.status, found.description, found.updated_at) == (
            "1",
            ComplaintStatus.WAITING,
            None,
            None,
        )
        assert (found.coordinates, found.photos, found.due_at, found.events) == (None, (), None, ())

    @pytest.mark.parametrize("none", [None, "", " ", "null"])
    async def test_null_and_empty_texts_are_missing(self, none: object) -> None:
        names = set(ROW) - set(LEAST)
        assert await read_one({**LEAST, **dict.fromkeys(names, none)}) == await read_one(LEAST)

    async def test_numbers_may_be_texts_and_texts_numbers(self) -> None:
        numbers = {"service_request_id": 638344, "service_code": 6, "lat": 37.762221815, "long": -122.4651145}
        texts = {name: str(each) for name, each in numbers.items()}
        found = await read_one({**LEAST, **numbers})
        assert found == await read_one({**LEAST, **texts})
        assert (found.id, found.category_code) == ("638344", "6")
        assert found.coordinates == Coordinates(latitude=37.762222, longitude=-122.465114)

    @pytest.mark.parametrize("status", ["Open", "OPEN", " open"])
    async def test_a_status_may_be_in_capital_letters(self, status: str) -> None:
        assert (await read_one({**LEAST, "status": status})).status is ComplaintStatus.WAITING

    async def test_an_unknown_status_is_no_status(self) -> None:
        assert (await read_one({**LEAST, "status": "archived"})).status is None

    async def test_a_closed_request_without_a_change_has_no_day_of_resolution(self) -> None:
        found = await read_one({**LEAST, "status": "closed"})
        assert (found.status, found.resolved_at) == (ComplaintStatus.RESOLVED, None)

    async def test_notes_of_other_servers_are_steps(self) -> None:
        notes = [
            {"datetime": "2026-11-28T08:00:00Z", "summary": "Completed", "type": "closed", "description": "Filled."},
            {"datetime": "2026-11-28T06:00:00Z", "summary": "Request opened", "type": "opened"},
        ]
        found = await read_one({**LEAST, "notes": notes})
        assert [(each.sequence, each.note, each.complaint_is_public) for each in found.events] == [
            (1, None, True),
            (2, "Filled.", True),
        ]


class TestServers:
    async def test_without_a_jurisdiction_none_is_sent(self) -> None:
        async with answering([]) as (lapor, server):
            await load_page(lapor)
        assert set(parameters(server.asked[0])) == {"start_date"}
        assert "jurisdiction_id" not in server.asked[0].target

    async def test_moments_are_sent_without_fractions(self) -> None:
        async with answering([]) as (lapor, server):
            await load_page(lapor)
        assert parameters(server.asked[0])["start_date"] == "2026-09-30T12:00:00+07:00"

    async def test_chicago_lists_requests_that_have_no_id_yet(self) -> None:
        waiting = {name: each for name, each in LEAST.items() if name != "service_request_id"}
        async with answering([waiting, {**waiting, "service_request_id": None}, LEAST]) as (lapor, _):
            page = await load_page(lapor)
        assert isinstance(page, ComplaintPage)
        assert [each.id for each in page.complaints] == ["1"]

    async def test_chicago_gives_pages_of_the_newest_requests(self) -> None:
        rows = [build_request(number, NOW - timedelta(hours=number)) for number in range(1, 61)]

        def answer(asked: ReceivedRequest) -> bytes:
            given = parameters(asked)
            end = datetime.fromisoformat(given.get("end_date", "2100-01-01T00:00:00Z"))
            listed = [each for each in rows if datetime.fromisoformat(str(each["requested_datetime"])) < end]
            return reply(200, orjson.dumps(listed[: int(given["page_size"])]))

        extensions = {"constant": {"extensions": "true"}, "page_size": "page_size"}
        async with (
            serve_bytes(scripted(answer)) as server,
            connect_to(parse_wire(server.url, extensions=extensions, max_rows=50), NOW) as lapor,
        ):
            query = ComplaintQuery(first=55)
            page = (await lapor.pages([query], make_call()))[query]
        assert isinstance(page, ComplaintPage)
        assert [each.id for each in page.complaints] == [f"{number:05}" for number in range(1, 56)]
        assert page.has_more
        assert [parameters(each)["page_size"] for each in server.asked] == ["50", "50"]
        assert {parameters(each)["extensions"] for each in server.asked} == {"true"}

    async def test_boston_invents_a_request_for_an_unknown_id_which_fails_alone(self) -> None:
        rows = [{**LEAST, "service_request_id": "17-00001962"}, {"service_request_id": "17-00001963", "status": "open"}]
        async with answering(rows) as (lapor, _):
            answers = await lapor.complaints(["17-00001962", "17-00001963"], make_call())
        assert {key: type(each) for key, each in answers.items()} == {
            "17-00001962": Complaint,
            "17-00001963": AgencyMalformed,
        }

    async def test_mark_a_spot_ignores_ids_so_that_each_is_asked_for_alone(self) -> None:
        async with answering([ROW, OTHER]) as (lapor, _):
            with pytest.raises(AgencyMalformed):
                await lapor.complaints(["00001"], make_call())
        async with answering([ROW], max_batch_size=1) as (lapor, server):
            assert list(await lapor.complaints(["00001"], make_call())) == ["00001"]
        assert server.asked[0].target == "/requests/00001.json"

    async def test_mark_a_spot_says_not_found_for_an_empty_list(self) -> None:
        async with answering({"message": "No Service requests found"}, status=404, empty_is_not_found=True) as (
            lapor,
            _,
        ):
            assert await load_page(lapor) == ComplaintPage(complaints=(), has_more=False)
            with pytest.raises(AgencyRefused):
                await lapor.probe(make_call())


class TestXml:
    @pytest.mark.parametrize(
        "body",
        [
            "<service_requests>{}</service_requests>",
            '<service_requests xmlns="http://wiki.open311.org/GeoReport_v2">{}</service_requests>',
            '<service_requests type="array">{}</service_requests>',
        ],
    )
    async def test_lists_may_have_a_namespace_or_attributes(self, body: str) -> None:
        row = (
            "<request><service_request_id>7</service_request_id><status>open</status><service_code>1</service_code>"
            "<description><![CDATA[Lampu <mati> & gelap]]></description>"
            "<requested_datetime>2026-11-28T05:00:00Z</requested_datetime></request>"
        )
        for count in (0, 1):
            async with answering(body.format(row * count).encode(), format="xml") as (lapor, _):
                page = await load_page(lapor)
            assert isinstance(page, ComplaintPage), page
            assert [each.description for each in page.complaints] == ["Lampu <mati> & gelap"] * count

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html><body>Pemeliharaan</body></html>",
            b"<service_requests><request>",
            b'<!DOCTYPE x [<!ENTITY a "b">]><service_requests><request>&a;</request></service_requests>',
            b"<service_requests>" + b"<request/>" * 30_000 + b"</service_requests>",
        ],
        ids=["empty", "page", "cut", "entity", "long"],
    )
    async def test_another_document_is_malformed(self, body: bytes) -> None:
        async with answering(body, format="xml") as (lapor, _):
            assert isinstance(await load_page(lapor), AgencyMalformed)

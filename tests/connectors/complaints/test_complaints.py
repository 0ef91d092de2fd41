from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl

import orjson
import pytest

from connectors.declared.open311.complaints import Open311Complaints
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable
from records.clocks import CITY_TIME_ZONE
from records.complaints import (
    CategoryQuery,
    Complaint,
    ComplaintQuery,
)
from records.identifiers import Nik
from sandbox.crm.complaints import build_complaint_data
from sandbox.population.city_population import build_population
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes
from tests.connectors.open311_servers import (
    LISTS,
    SEARCHES,
    SERVICES,
    call,
    connect,
    get_base_url,
    ids,
    parameters,
    row,
    scripted,
)
from tests.sandbox_agencies import RunningAgency

SITI, BUDI, DEWI, AGUS = (
    Nik(nik) for nik in ("3171014506909001", "3171021708889002", "3174055203559003", "3672010101009004")
)
SITIS = ["10000884", "10000855", "10000777"]
NOON = datetime(2026, 10, 31, 12, tzinfo=CITY_TIME_ZONE)


class LinkTable:
    """The hub's record of reporters."""

    def __init__(self, links: Mapping[Nik, Sequence[str]]) -> None:
        self.links = links

    async def requests_of(self, niks: Sequence[Nik]) -> Mapping[Nik, Sequence[str]]:
        return {nik: self.links[nik] for nik in niks if nik in self.links}


@pytest.fixture
async def connector(crm: RunningAgency) -> AsyncIterator[Open311Complaints]:
    async with connect(get_base_url(crm), crm.secret) as connector:
        crm.reset_calls()
        yield connector


class TestComplaintsOfCitizens:
    async def test_each_person_gets_their_own_complaints_newest_first_in_one_search(
        self, crm: RunningAgency, connector: Open311Complaints
    ) -> None:
        answers = await connector.complaints_of([SITI, BUDI, DEWI, AGUS], call())

        assert {nik: ids(answer) for nik, answer in answers.items()} == {SITI: SITIS, BUDI: ["10000881"]}
        assert crm.count_calls() == {SEARCHES: 1}

    async def test_fifty_people_cost_one_search_too(self, crm: RunningAgency, connector: Open311Complaints) -> None:
        everybody = build_population()
        asked = [Nik(one.nik) for one in everybody.residents[:50]]
        expected: dict[str, list[str]] = {}
        for complaint in build_complaint_data(everybody).complaints:
            expected.setdefault(complaint.reporter_nik, []).append(str(complaint.id))

        answers = await connector.complaints_of(asked, call())

        assert {nik: ids(answer) for nik, answer in answers.items()} == {
            nik: expected[nik] for nik in asked if nik in expected
        }
        assert len(answers) > 5
        assert crm.count_calls() == {SEARCHES: 1}

    async def test_all_pages_of_a_search_are_read(self, crm: RunningAgency) -> None:
        async with connect(get_base_url(crm), crm.secret, page_size=2) as connector:
            crm.reset_calls()
            answers = await connector.complaints_of([SITI, BUDI], call())

        assert {nik: ids(answer) for nik, answer in answers.items()} == {SITI: SITIS, BUDI: ["10000881"]}
        assert crm.count_calls() == {SEARCHES: 3}

    async def test_no_people_make_no_call(self, crm: RunningAgency, connector: Open311Complaints) -> None:
        assert await connector.complaints_of([], call()) == {}
        assert await connector.complaints([], call()) == {}
        assert await connector.pages([], call()) == {}
        assert await connector.categories([], call()) == {}
        assert await connector.category_lists([], call()) == {}
        assert crm.count_calls() == {}

    async def test_no_url_contains_an_identity_number(self) -> None:
        async with serve_bytes(reply(200, b"[]")) as server, connect(server.url) as connector:
            await connector.complaints_of([SITI, BUDI], call())
            await connector.complaints([SITI, "317302000300300410", "7"], call())
            await connector.pages([ComplaintQuery(first=1, category_codes=(SITI,))], call())

        assert server.asked[0].method == "POST"
        assert dict(parse_qsl(server.asked[0].body.decode()))["reporter"] == f"{SITI},{BUDI}"
        assert len(server.asked) == 2
        assert all(SITI not in asked.target and "3173020003" not in asked.target for asked in server.asked)

    async def test_a_reply_without_reporters_is_rejected(self) -> None:
        async with serve_bytes(reply(200, orjson.dumps([row(1, NOON)]))) as server, connect(server.url) as connector:
            with pytest.raises(AgencyMalformed):
                await connector.complaints_of([SITI], call())

    async def test_an_unreadable_complaint_affects_only_its_reporter(self) -> None:
        rows = [row(1, NOON, reporter=SITI), row(2, NOON, reporter=BUDI) | {"requested_datetime": "kemarin"}]
        async with serve_bytes(reply(200, orjson.dumps(rows))) as server, connect(server.url) as connector:
            answers = await connector.complaints_of([SITI, BUDI], call())

        assert ids(answers[SITI]) == ["1"]
        assert isinstance(answers[BUDI], AgencyMalformed)


class TestComplaintsByTheLinkTable:
    async def test_complaints_are_loaded_by_id_and_returned_to_their_reporter(self, crm: RunningAgency) -> None:
        links = LinkTable({SITI: [*reversed(SITIS), "999"], BUDI: ["10000881"], DEWI: ["998"]})
        async with connect(get_base_url(crm), crm.secret, links=links) as connector:
            crm.reset_calls()
            answers = await connector.complaints_of([SITI, BUDI, DEWI, AGUS], call())

        assert {nik: ids(answer) for nik, answer in answers.items()} == {SITI: SITIS, BUDI: ["10000881"]}
        for nik, answer in answers.items():
            assert not isinstance(answer, AgencyFailure)
            assert {each.reporter for each in answer} == {nik}
            assert {event.reporter for each in answer for event in each.events} == {nik}
        assert crm.count_calls() == {LISTS: 1}

    async def test_without_links_no_call_is_made(self, crm: RunningAgency) -> None:
        async with connect(get_base_url(crm), crm.secret, links=LinkTable({})) as connector:
            crm.reset_calls()
            assert await connector.complaints_of([SITI], call()) == {}
        assert crm.count_calls() == {}


class TestComplaintsById:
    async def test_known_complaints_come_in_one_call_and_unknown_ones_are_absent(
        self, crm: RunningAgency, connector: Open311Complaints
    ) -> None:
        answers = await connector.complaints(["10000777", "1", "10000884"], call())

        assert list(answers) == ["10000777", "10000884"]
        public, private = answers.values()
        assert isinstance(public, Complaint)
        assert isinstance(private, Complaint)
        assert (public.is_public, private.is_public) == (True, False)
        assert (public.reporter, private.reporter) == (None, None)
        assert crm.count_calls() == {LISTS: 1}

    async def test_a_non_numeric_id_affects_no_other_complaint(
        self, crm: RunningAgency, connector: Open311Complaints
    ) -> None:
        answers = await connector.complaints(["10000777", "JK2609220001", "1,2", "", "a/../b"], call())

        assert list(answers) == ["10000777"]
        assert crm.count_calls() == {LISTS: 2}

    async def test_more_ids_than_fit_into_a_url_take_several_calls(self, crm: RunningAgency) -> None:
        complaints = [str(each.id) for each in build_complaint_data(build_population()).complaints]
        async with connect(get_base_url(crm), crm.secret, page_size=100) as connector:
            crm.reset_calls()
            answers = await connector.complaints(complaints[:250], call())

        assert list(answers) == complaints[:250]
        assert crm.count_calls() == {LISTS: 3}

    async def test_a_failed_call_affects_only_its_ids(self) -> None:
        def script(asked: ReceivedRequest) -> bytes:
            wanted = parameters(asked)["service_request_id"].split(",")
            if "3" in wanted:
                return reply(503)
            return reply(200, orjson.dumps([row(int(each), NOON) for each in wanted]))

        async with serve_bytes(scripted(script)) as server, connect(server.url, page_size=2) as connector:
            answers = await connector.complaints(["1", "2", "3", "4", "5"], call())

        kinds = {id_: type(answer) for id_, answer in answers.items()}
        assert kinds == {"1": Complaint, "2": Complaint, "3": AgencyUnavailable, "4": AgencyUnavailable, "5": Complaint}

    async def test_not_found_means_that_all_ids_are_unknown(self) -> None:
        async with serve_bytes(reply(404, b'[{"code":404}]')) as server, connect(server.url) as connector:
            assert await connector.complaints(["1"], call()) == {}


class TestCategoryQueries:
    async def test_categories_come_in_one_call_and_unknown_codes_are_absent(
        self, crm: RunningAgency, connector: Open311Complaints
    ) -> None:
        answers = await connector.categories(["1202", "7", "1999"], call())

        names = {code: answer if isinstance(answer, AgencyFailure) else answer.name for code, answer in answers.items()}
        assert names == {"1202": "Lampu jalan", "1999": None}
        assert crm.count_calls() == {SERVICES: 1}

    async def test_a_search_ignores_case_and_makes_one_call(
        self, crm: RunningAgency, connector: Open311Complaints
    ) -> None:
        queries = [CategoryQuery(search=text) for text in ("SAMPAH", " lampu ", "", "tidak ada")]

        answers = await connector.category_lists(queries, call())

        found = [[each.code for each in answer] for answer in answers.values() if not isinstance(answer, AgencyFailure)]
        assert found[0] == ["1101", "1102"]
        assert found[1] == ["1202"]
        assert len(found[2]) == 28
        assert found[3] == []
        assert crm.count_calls() == {SERVICES: 1}

    async def test_a_service_without_a_code_is_left_out(self) -> None:
        listed = [{"service_name": "Banjir"}, {"service_code": "a1"}]
        async with serve_bytes(reply(200, orjson.dumps(listed))) as server, connect(server.url) as connector:
            answers = await connector.category_lists([CategoryQuery()], call())

        assert [[each.code for each in found] for found in answers.values() if isinstance(found, tuple)] == [["a1"]]


class TestComplaintFailures:
    async def test_a_wrong_endpoint_is_not_an_empty_list(self, crm: RunningAgency) -> None:
        query = ComplaintQuery(first=5)
        async with connect(f"{get_base_url(crm)}/lama", crm.secret) as connector:
            with pytest.raises(AgencyRefused):
                await connector.complaints_of([SITI], call())
            with pytest.raises(AgencyRefused):
                await connector.probe(call())
            assert isinstance((await connector.pages([query], call()))[query], AgencyRefused)

    async def test_too_many_calls_are_refused_with_the_time_to_wait(self) -> None:
        async with serve_bytes(reply(429, b"", Retry_After="7")) as server, connect(server.url) as connector:
            with pytest.raises(AgencyRefused) as caught:
                await connector.complaints_of([SITI], call())
        assert caught.value.retry_after == 7

    @pytest.mark.parametrize("body", [b"{}", b'{"errors":[]}', b"[1]", b"null", b'"x"'])
    async def test_json_that_is_not_open311_is_malformed(self, body: bytes) -> None:
        async with serve_bytes(reply(200, body)) as server, connect(server.url) as connector:
            with pytest.raises(AgencyMalformed):
                await connector.complaints_of([SITI], call())
            with pytest.raises(AgencyMalformed):
                await connector.categories(["1"], call())

    async def test_a_client_error_is_a_refusal(self) -> None:
        async with serve_bytes(reply(400, b"[]")) as server, connect(server.url) as connector:
            with pytest.raises(AgencyRefused) as caught:
                await connector.complaints(["1"], call())
        assert caught.value.detail == "HTTP 400"


def assert_reveals_nothing(failure: AgencyFailure, crm: RunningAgency) -> None:
    """Neither callers nor the log get a person's number, an address or a key."""
    told = f"{failure} {failure!r} {failure.detail} {vars(failure)}"
    for hidden in (SITI, crm.secret, "127.0.0.1", str(crm.port)):
        assert hidden not in told

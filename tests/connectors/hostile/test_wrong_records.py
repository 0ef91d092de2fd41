"""Agencies that answer about another person: no connector uses their rows, and each reply counts against them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from connectors.declared.connector import DeclaredConnector
from connectors.declared.open311.complaints import Open311Complaints
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpService
from connectors.drivers.sql.connections import Row
from connectors.drivers.sql.driver import SqlDriver
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry
from connectors.resilience.breaker import BreakerState
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.identifiers import Nik
from records.population import Identity
from records.prices import TrendQuery
from tests.connectors.city_agencies import build_dukcapil, build_jakpreneur, build_pangan
from tests.connectors.drivers.byte_server import ReceivedRequest, Script, reply, serve_bytes
from tests.connectors.failures import assert_reveals_nothing, make_call
from tests.connectors.open311_servers import build_crm
from tests.connectors.open311_servers import row as complaint_row
from tests.connectors.pbb_answers import connect, load_recorded

SITI, BUDI, DEWI = Nik("3171014506909001"), Nik("3171021708889002"), Nik("3174055203559003")
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
CHILLI = TrendQuery(commodity_id="10", year=2026, month=10)


def gate_of(agency: str) -> Gate:
    return Gate(agency, AgencyTerms(deadline=5.0, max_concurrency=4, breaker=BreakerEntry(failures=1, pause=10.0)))


def kinds(answers: Mapping[Any, Any]) -> dict[Any, str]:
    """By key, whether it was answered or is malformed."""
    for each in answers.values():
        if isinstance(each, AgencyFailure):
            assert isinstance(each, AgencyMalformed)
            assert_reveals_nothing(each)
    return {key: "malformed" if isinstance(each, AgencyFailure) else "answered" for key, each in answers.items()}


async def assert_rejected(ask: Awaitable[object], gate: Gate) -> None:
    """The whole call is malformed, counted as a mismatch and at the breaker, and shows no number."""
    with pytest.raises(AgencyMalformed) as raised:
        await ask
    assert_reveals_nothing(raised.value)
    assert (gate.counts.mismatches, gate.breaker_state) == (1, BreakerState.OPEN)


class ScriptedDatabase(SqlDriver):
    """A database that returns these rows to every query."""

    def __init__(self, agency: str, gate: Gate, rows: Sequence[Row]) -> None:
        super().__init__(agency, "postgresql://a:b@127.0.0.1/x", deadline=5, pool_size=1, gate=gate)
        self._given = rows

    async def _rows(
        self, statement: str, parameters: Mapping[str, object], call: Call, lists: Collection[str]
    ) -> Sequence[Row]:
        del statement, parameters, call, lists
        return self._given


def jakpreneur_with(gate: Gate, rows: Sequence[Row]) -> DeclaredConnector:
    return build_jakpreneur(ScriptedDatabase("jakpreneur", gate, rows))


class TestPopulation:
    def identity(self, nik: str, name: str = "SITI") -> Row:
        return {"nik": nik, "nama_lgkp": name, "jenis_klmin": "P", "tmpt_lhr": "JAKARTA", "tgl_lhr": "05/06/1990"}

    @pytest.mark.parametrize("read", ["known", "facets", "households"])
    async def test_an_unrequested_person_rejects_the_answer(self, read: str) -> None:
        gate = gate_of("dukcapil")
        card = {"no_kk": "3171010203149001", "stat_hbkel": "ANAK", "nik_kepala": SITI}
        strange = card | {"no_kk": "3174051406119001"}
        rows = [{**self.identity(SITI), **card}, {**self.identity(DEWI), **strange}]
        register = build_dukcapil(ScriptedDatabase("dukcapil", gate, rows))
        asks: Mapping[str, Callable[[], Awaitable[object]]] = {
            "known": lambda: register.load_known([SITI, BUDI], make_call()),
            "facets": lambda: register.load_facets([SITI, BUDI], frozenset({Identity}), make_call()),
            "households": lambda: register.households([SITI, BUDI], make_call()),
        }
        await assert_rejected(asks[read](), gate)

    @pytest.mark.parametrize(
        ("second", "siti"),
        [("same", "answered"), ("another name", "malformed"), ("blank behind", "malformed")],
    )
    async def test_a_second_row_about_one_person_is_malformed(self, second: str, siti: str) -> None:
        gate = gate_of("dukcapil")
        more = {
            "same": self.identity(SITI),
            "another name": self.identity(SITI, "DEWI"),
            "blank behind": self.identity(f"{SITI} "),
        }[second]
        rows = [self.identity(SITI), more, self.identity(BUDI)]
        register = build_dukcapil(ScriptedDatabase("dukcapil", gate, rows))
        found = await register.load_facets([SITI, BUDI], frozenset({Identity}), make_call())
        assert kinds(found) == {SITI: siti, BUDI: "answered"}
        assert (gate.counts.mismatches, gate.breaker_state) == (siti == "malformed", BreakerState.CLOSED)


class TestMsmes:
    def enterprise(self, identifier: object, nik: str, **other: object) -> Row:
        columns = ["nib", "kbli", "kode_kec", "tahap", "grade", "omzet_bulanan", "tgl_daftar", "telp", "alamat"]
        return {"id": identifier, "nik": nik, "nama_usaha": "DAPUR", **dict.fromkeys(columns), **other}

    def product(self, identifier: int, enterprise: object) -> Row:
        return {
            "id": identifier,
            "umkm_id": enterprise,
            "nik": SITI,
            "nama_produk": "KOPI",
            "harga": 1,
            "katalog_publik": "Y",
        }

    async def test_an_enterprise_of_an_unrequested_owner_rejects_the_answer(self) -> None:
        gate = gate_of("jakpreneur")
        rows = [self.enterprise(1, SITI), self.enterprise(2, DEWI)]
        await assert_rejected(jakpreneur_with(gate, rows).msmes_of([SITI, BUDI], make_call()), gate)

    async def test_an_unrequested_enterprise_or_product_rejects_the_answer(self) -> None:
        gate = gate_of("jakpreneur")
        await assert_rejected(
            jakpreneur_with(gate, [self.enterprise(2, SITI)]).msmes(["1"], make_call()),
            gate,
        )
        gate = gate_of("jakpreneur")
        await assert_rejected(
            jakpreneur_with(gate, [self.product(7, 2)]).products_of(["1"], make_call()),
            gate,
        )

    @pytest.mark.parametrize("written", ["12abc", "12 ", "012"])
    async def test_an_identifier_that_mariadb_treats_as_equal_fails_alone(self, written: str) -> None:
        gate = gate_of("jakpreneur")
        rows = [self.enterprise(written, SITI), self.enterprise(7, SITI)]
        found = await jakpreneur_with(gate, rows).msmes(["12", "7"], make_call())
        assert kinds(found) == {"12": "malformed", "7": "answered"}

    async def test_an_enterprise_of_two_owners_is_rejected_and_a_duplicate_counts_once(self) -> None:
        gate = gate_of("jakpreneur")
        rows = [self.enterprise(1, SITI), self.enterprise(1, BUDI), self.enterprise(3, DEWI), self.enterprise(3, DEWI)]
        found = await jakpreneur_with(gate, rows).msmes_of([SITI, BUDI, DEWI], make_call())
        assert kinds(found) == {SITI: "malformed", BUDI: "malformed", DEWI: "answered"}
        deps = found[DEWI]
        assert not isinstance(deps, AgencyFailure)
        assert len(deps) == 1

    async def test_an_invalid_identifier_is_not_requested(self) -> None:
        gate = gate_of("jakpreneur")
        asked = ["012", "1a", "１", "-1", "", "9" * 19]  # noqa: RUF001 - a full-width digit
        assert await jakpreneur_with(gate, []).msmes(asked, make_call()) == {}
        assert gate.counts.attempts == 0


class TestComplaints:
    async def ask(
        self, rows: Sequence[object], gate: Gate, read: Callable[[Open311Complaints], Awaitable[Mapping[Any, Any]]]
    ) -> Mapping[Any, Any]:
        async with serve_bytes(reply(200, orjson.dumps(rows))) as server:
            http = HttpDriver(
                HttpService("crm", server.url, headers={}),
                HttpLimits(deadline=5, connections=2, max_bytes=100_000),
                gate=gate,
            )
            try:
                return await read(build_crm(http))
            finally:
                await http.close()

    async def test_a_complaint_with_another_or_no_reporter_rejects_the_search(self) -> None:
        for stranger in ({"reporter": DEWI}, {}, {"reporter": "-"}):
            gate = gate_of("crm")
            rows = [complaint_row(1, NOON, reporter=SITI), complaint_row(2, NOON, **stranger)]
            await assert_rejected(
                self.ask(rows, gate, lambda each: each.complaints_of([SITI, BUDI], make_call())), gate
            )

    async def test_an_unrequested_complaint_rejects_the_answer(self) -> None:
        gate = gate_of("crm")
        rows = [complaint_row(1, NOON), complaint_row(3, NOON)]
        await assert_rejected(self.ask(rows, gate, lambda each: each.complaints(["1", "2"], make_call())), gate)

    async def test_a_reporter_in_another_form_and_a_complaint_in_two_forms_fail_alone(self) -> None:
        gate = gate_of("crm")
        rows = [complaint_row(1, NOON, reporter=f"{SITI}x"), complaint_row(2, NOON, reporter=BUDI)]
        found = await self.ask(rows, gate, lambda each: each.complaints_of([SITI, BUDI], make_call()))
        assert kinds(found) == {SITI: "malformed", BUDI: "answered"}
        gate = gate_of("crm")
        rows = [complaint_row(1, NOON), complaint_row(1, NOON, visibility="PUBLIC"), complaint_row(2, NOON)]
        found = await self.ask(rows, gate, lambda each: each.complaints(["1", "2"], make_call()))
        assert kinds(found) == {"1": "malformed", "2": "answered"}

    async def test_a_complaint_of_two_reporters_is_rejected(self) -> None:
        gate = gate_of("crm")
        rows = [complaint_row(1, NOON, reporter=SITI), complaint_row(1, NOON, reporter=BUDI)]
        with pytest.raises(AgencyMalformed):
            await self.ask(rows, gate, lambda each: each.complaints_of([SITI, BUDI], make_call()))
        assert (gate.counts.mismatches, gate.breaker_state) == (1, BreakerState.OPEN)

    async def test_a_complaint_whose_reporter_differs_from_the_link_table_is_rejected(self) -> None:
        class Links:
            async def requests_of(self, niks: Sequence[Nik]) -> Mapping[Nik, Sequence[str]]:
                return dict.fromkeys(niks, ("1",))

        gate = gate_of("crm")
        async with serve_bytes(reply(200, orjson.dumps([complaint_row(1, NOON, reporter=DEWI)]))) as server:
            http = HttpDriver(
                HttpService("crm", server.url, headers={}),
                HttpLimits(deadline=5, connections=2, max_bytes=100_000),
                gate=gate,
            )
            connector = build_crm(http, links=Links())
            assert kinds(await connector.complaints_of([SITI], make_call())) == {SITI: "malformed"}
            await http.close()
        assert gate.counts.mismatches == 1


class TestPrices:
    async def ask(
        self, body: object, gate: Gate, read: Callable[[DeclaredConnector], Awaitable[Mapping[Any, Any]]]
    ) -> Any:  # noqa: ANN401 - answers
        async with serve_bytes(reply(200, orjson.dumps(body))) as server:
            http = HttpDriver(
                HttpService("pangan", server.url, headers={}),
                HttpLimits(deadline=5, connections=2, max_bytes=9_000),
                gate=gate,
            )
            try:
                return await read(build_pangan(http))
            finally:
                await http.close()

    async def test_a_report_on_another_commodity_is_malformed(self) -> None:
        gate = gate_of("pangan")
        recaps = [{"value": 5_000, "time": "2026-10-01"}]
        body = {"data": {"data": [{"commodity_id": 10, "recaps": recaps}, {"commodity_id": 11, "recaps": recaps}]}}
        found = await self.ask(body, gate, lambda each: each.trends([CHILLI], make_call()))
        assert kinds(found) == {CHILLI: "malformed"}
        assert (gate.counts.mismatches, gate.breaker_state) == (1, BreakerState.OPEN)

    async def test_a_market_in_two_forms_is_malformed(self) -> None:
        gate = gate_of("pangan")
        markets = [{"market_id": "3", "market_name": name} for name in ("Senen", "Cikini")]
        body = {"data": [*markets, {"market_id": "4", "market_name": "Minggu"}]}
        found = await self.ask(body, gate, lambda each: each.markets(["3", "4"], make_call()))
        assert kinds(found) == {"3": "malformed", "4": "answered"}


MESSAGE = re.compile(rb"MessageID[^>]*>([^<]+)<")


def related(body: bytes, name: bytes) -> bytes:
    """An answer that says which message it answers."""
    header = b'<soap:Header><a:RelatesTo xmlns:a="http://www.w3.org/2005/08/addressing">%s</a:RelatesTo></soap:Header>'
    return body.replace(b"<soap:Body>", header % name + b"<soap:Body>", 1)


class TestTax:
    async def ask(self, script: Script | bytes, gate: Gate, niks: Sequence[Nik]) -> Mapping[Nik, Any]:
        async with serve_bytes(script) as server:
            tax = connect(server.url, gate=gate)
            try:
                answers: Mapping[Nik, Any] = await tax.objects_of(niks, make_call())
                return answers
            finally:
                await tax.close()

    async def test_two_swapped_answers_are_rejected(self) -> None:
        """Budi owns nothing and Siti does; the agency gives each the answer to the other's message."""
        waiting: dict[bytes, tuple[bytes, asyncio.StreamWriter]] = {}

        async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            [name] = MESSAGE.findall(asked.body)
            waiting["siti" if SITI.encode() in asked.body else "budi"] = name, writer  # type: ignore[index]  # a test's own keys
            if len(waiting) == 2:
                (of_siti, to_siti), (of_budi, to_budi) = waiting["siti"], waiting["budi"]  # type: ignore[index]  # as above
                to_budi.write(reply(200, related(load_recorded("siti"), of_siti)))
                to_siti.write(reply(200, related(load_recorded("unknown_nik"), of_budi)))

        gate = gate_of("pbb")
        assert kinds(await self.ask(script, gate, [SITI, BUDI])) == {SITI: "malformed", BUDI: "malformed"}
        assert (gate.counts.mismatches, gate.breaker_state) == (2, BreakerState.OPEN)

    async def test_an_answer_without_a_message_id_is_accepted_only_if_the_agency_never_sends_one(self) -> None:
        names = True

        async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            nonlocal names
            [name] = MESSAGE.findall(asked.body)
            writer.write(reply(200, related(load_recorded("siti"), name) if names else load_recorded("siti")))
            names = False

        async with serve_bytes(script) as server:
            tax = connect(server.url)
            assert kinds(await tax.objects_of([SITI], make_call())) == {SITI: "answered"}
            assert kinds(await tax.objects_of([SITI], make_call())) == {SITI: "malformed"}
            await tax.close()
        assert kinds(await self.ask(reply(200, load_recorded("siti")), gate_of("pbb"), [SITI])) == {SITI: "answered"}

    async def test_an_object_of_two_people_is_rejected_for_both(self) -> None:
        gate = gate_of("pbb")
        found = await self.ask(reply(200, load_recorded("siti")), gate, [SITI, BUDI])
        assert kinds(found) == {SITI: "malformed", BUDI: "malformed"}
        assert gate.counts.mismatches > 0

    async def test_an_object_marked_as_shared_is_accepted_for_each_payer(self) -> None:
        shared = re.sub(rb"(KD_JNS_OP>)\d(</)", rb"\g<1>9\g<2>", load_recorded("siti"))
        found = await self.ask(reply(200, shared), gate_of("pbb"), [SITI, BUDI])
        assert kinds(found) == {SITI: "answered", BUDI: "answered"}

    async def test_a_bill_of_another_object_rejects_the_answer(self) -> None:
        body = load_recorded("siti")
        start = body.index(b"SPPT>")
        foreign = body[:start] + re.sub(rb"(NO_URUT>)\d+(</)", rb"\g<1>4711\g<2>", body[start:], count=1)
        gate = gate_of("pbb")
        assert kinds(await self.ask(reply(200, foreign), gate, [SITI])) == {SITI: "malformed"}
        assert (gate.counts.mismatches, gate.breaker_state) == (1, BreakerState.OPEN)

"""Declared reads over SOAP: what is sent, what is made of replies, and which declarations are refused."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest
from lxml import etree
from pydantic import ValidationError

from connectors.declared.tables import NotDeclarableError
from connectors.drivers.soap.driver import SoapDriver
from connectors.resilience.breaker import BreakerState
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable
from records.identifiers import Nik, Rupiah
from tests.connectors.declared.soap.harbour import (
    BUDI,
    SITI,
    TABLES,
    Berth,
    HarbourRate,
    HarbourRateQuery,
    Mooring,
    build,
    build_answer,
    build_fault,
    build_row,
    change,
    change_record,
    open_driver,
    open_gate,
    serve,
)
from tests.connectors.failures import make_call

BERTHS = "".join(
    f"<t:petak><t:nomor>{number}</t:nomor><t:sejak>{since}</t:sejak></t:petak>"
    for number, since in (("P2", "01-01-1900"), ("P1", "2024-03-17"))
)
MOORING = Mooring(
    id="A-001",
    owner=SITI,
    length=12,
    berths=(Berth(number="P1", since=date(2024, 3, 17)), Berth(number="P2", since=None)),
)
SHORT = Mooring(id="A-001", owner=SITI, length=12, berths=())


def of_person(*rows: str, code: str = "OK") -> str:
    inner = "".join(f"<tambatan>{each}</tambatan>" for each in rows)
    return build_answer("TambatanByPemilik", f"<hasil>{inner}</hasil>", code=code)


def numbered(*rows: str) -> str:
    return build_answer("TambatanByNomor", "".join(f"<tambatan>{each}</tambatan>" for each in rows))


def texts(element: etree._Element, path: str) -> list[str | None]:
    return [each.text for each in element.findall(path)]


class TestSoapCalls:
    async def test_a_list_of_each_person_with_the_lists_within_its_rows(self) -> None:
        async with serve(of_person(build_row(berths=BERTHS))) as (connector, harbour, server):
            assert await connector.moorings_of([SITI], make_call()) == {SITI: (MOORING,)}
        [sent] = harbour.arguments
        assert texts(sent, "pencarian/nik") == [SITI]
        assert texts(sent, "pencarian/halaman") == ["1"]
        assert [each.target for each in server.asked] == ["/"]

    async def test_a_row_within_a_row_takes_values_of_the_row_around_it(self) -> None:
        tables = change_record("Berth", number="^.nomor")
        async with serve(of_person(build_row(berths=BERTHS)), tables=tables) as (connector, _, _):
            [mooring] = (await connector.moorings_of([SITI], make_call()))[SITI]
        assert [each.number for each in mooring.berths] == ["A-001", "A-001"]

    async def test_rows_within_each_row_of_a_list(self) -> None:
        tables = change("moorings_of", rows="hasil.tambatan[].petak", key="^.pemilik") | {
            "lacks": ["moorings", "rates"]
        }
        tables["reads"] = {"moorings_of": tables["reads"]["moorings_of"]}
        mooring = {"id": "nomor", "owner": "^.pemilik", "length": "^.ukuran.panjang", "berths": "^.petak"}
        records = {"Mooring": mooring, "Berth": {"number": "^.^.nomor", "since": []}}
        tables |= {"records": records, "probe": {"read": "moorings_of", "key": "0000000000000000"}}
        async with serve(of_person(build_row(berths=BERTHS), build_row("B")), tables=tables) as (connector, _, _):
            found = (await connector.moorings_of([SITI], make_call()))[SITI]
        assert [(each.id, each.owner, each.length) for each in found] == [("P2", SITI, 12), ("P1", SITI, 12)]
        assert [[berth.number for berth in each.berths] for each in found] == [["A-001", "A-001"]] * 2

    async def test_one_call_for_several_keys_repeats_the_element(self) -> None:
        # The keys are texts in the message, whatever signs they hold.
        keys = ["A-001", "</nomor><nomor>B", "&amp;", "\N{CJK UNIFIED IDEOGRAPH-4E2D}\r"]
        async with serve(numbered(build_row(), build_row("&amp;amp;", BUDI))) as (connector, harbour, _):
            found = await connector.moorings(keys, make_call())
        assert {key: getattr(each, "owner", each) for key, each in found.items()} == {"A-001": SITI, "&amp;": BUDI}
        [sent] = harbour.arguments
        assert texts(sent, "daftar/{urn:pelabuhan:tipe}nomor") == keys

    async def test_as_many_calls_as_the_terms_want(self) -> None:
        def answer(sent: etree._Element) -> str:
            return numbered(*(build_row(str(each)) for each in texts(sent, ".//{*}nomor")))

        async with serve(answer) as (_, harbour, server):
            driver = open_driver(server.url)
            found = await build(driver, max_batch_size=2).moorings(["1", "2", "3"], make_call())
            await driver.close()
        assert list(found) == ["1", "2", "3"]
        assert sorted(len(texts(each, ".//{*}nomor")) for each in harbour.arguments) == [1, 2]

    async def test_the_parts_of_a_key_are_sent_and_the_reply_itself_is_the_row(self) -> None:
        answer = build_answer("TarifByKelas", "<kelas>A</kelas><harga>1.250.000</harga>")
        query = HarbourRateQuery(grade="A", year=26)
        async with serve(answer) as (connector, harbour, _):
            found = await connector.rates([query, HarbourRateQuery(grade="a", year=26)], make_call())
        assert found == {query: HarbourRate(grade="A", price=Rupiah(1_250_000))}
        assert [(each.findtext("kelas"), each.findtext("tahun")) for each in harbour.arguments] == [("K-A", "0026")]

    @pytest.mark.parametrize(
        ("read", "keys"),
        [
            ("moorings_of", [Nik("1"), Nik(f"{SITI}\n"), Nik("")]),
            ("moorings", ["a\x00", "\x1b", "\ud800", "\ufffe", "9" * 201, "a\nb"]),
            ("rates", [HarbourRateQuery(grade="", year=1), HarbourRateQuery(grade="A\x00", year=1)]),
            ("moorings_of", []),
            ("moorings", []),
        ],
    )
    async def test_a_key_of_another_form_is_unknown_and_not_sent(self, read: str, keys: list[object]) -> None:
        assert await getattr(build(open_driver()), read)(keys, make_call()) == {}  # no server is there

    async def test_each_attempt_has_another_user_token(self) -> None:
        answers = (build_fault("Receiver"), of_person(build_row()))
        gate = open_gate(retries=1, breaker=None)
        async with serve(*answers, gate=gate) as (connector, harbour, _):
            assert await connector.moorings_of([SITI], make_call()) == {SITI: (SHORT,)}
        assert len(harbour.nonces) == len(set(harbour.nonces)) == 2
        await gate.close()

    async def test_a_password_as_text_where_the_agency_wants_it(self) -> None:
        wire = {"user_token": {"digest": False}}
        async with serve(of_person(build_row()), wire=wire, password_type="PasswordText") as (connector, _, _):
            assert await connector.moorings_of([SITI], make_call()) == {SITI: (SHORT,)}

    @pytest.mark.parametrize("wire", [{"password": "salah"}, {"user_token": None, "password": None}])
    async def test_an_envelope_that_the_agency_does_not_accept_is_a_refusal(self, wire: dict[str, Any]) -> None:
        async with serve(of_person(build_row()), wire=wire) as (connector, harbour, _):
            answer = (await connector.moorings_of([SITI], make_call()))[SITI]
        assert (type(answer), answer.detail) == (AgencyRefused, "SOAP fault Client.Salah")
        assert harbour.arguments == []

    async def test_a_driver_shows_no_secret(self) -> None:
        assert "sandi" not in repr(open_driver()).replace("sandi-", "")


class TestOutcomes:
    @pytest.mark.parametrize(
        ("content", "answer"),
        [
            (of_person(code="OK"), ()),
            (of_person(code="NIHIL"), "absent"),
            (build_answer("TambatanByPemilik", "", code="OK"), ()),
            (of_person(build_row(), code="TOLAK"), AgencyRefused("pelabuhan", "kode TOLAK")),
            (of_person(code="GALAT-7"), AgencyUnavailable("pelabuhan", "kode")),
            (of_person(code="AH"), AgencyMalformed("pelabuhan", "the answer has no kode")),
            (of_person(code=SITI), AgencyMalformed("pelabuhan", "the answer has no kode")),
            (build_fault("Sender", "TidakAda"), "absent"),
            (build_fault("Sender", "Sibuk"), AgencyUnavailable("pelabuhan", "SOAP fault Client.Sibuk")),
            (build_fault("Receiver", "Kuota"), AgencyRefused("pelabuhan", "SOAP fault Server.Kuota")),
            (build_fault("Sender"), AgencyRefused("pelabuhan", "SOAP fault Client")),
            (build_fault("Receiver"), AgencyUnavailable("pelabuhan", "SOAP fault Server")),
            (build_fault("MustUnderstand"), AgencyUnavailable("pelabuhan", "SOAP fault MustUnderstand")),
        ],
    )
    async def test_codes_and_faults_have_the_declared_meaning(self, content: str, answer: object) -> None:
        gate = open_gate()
        async with serve(content, gate=gate) as (connector, _, _):
            found = (await connector.moorings_of([SITI], make_call())).get(SITI, "absent")
        if isinstance(answer, AgencyFailure):
            assert (type(found), found.detail) == (type(answer), answer.detail)
        else:
            assert found == answer
        counts = isinstance(answer, AgencyUnavailable | AgencyMalformed)
        assert gate.breaker_state is (BreakerState.OPEN if counts else BreakerState.CLOSED)

    @pytest.mark.parametrize(
        ("detail", "kind", "shown"),
        [
            ("<m:kode>14</m:kode>", None, ""),
            ("<m:kode> 96 </m:kode>", AgencyUnavailable, "SOAP fault Client, kode 96"),
            ("<m:kode>30</m:kode>", AgencyRefused, "SOAP fault Client, kode 30"),
            (f"<m:kode>{SITI}</m:kode>", AgencyRefused, "SOAP fault Client"),
            ("", AgencyRefused, "SOAP fault Client"),
        ],
    )
    async def test_the_code_in_the_detail_of_a_fault_has_the_declared_meaning(
        self, detail: str, kind: type[AgencyFailure] | None, shown: str
    ) -> None:
        faults = {"code": "kode", "absent": "14", "unavailable": r"9\d"}
        tables = TABLES | {"trouble": TABLES["trouble"] | {"faults": faults}}
        async with serve(build_fault("Sender", None, detail), tables=tables) as (connector, _, _):
            answer = (await connector.moorings_of([SITI], make_call())).get(SITI)
        assert (type(answer), getattr(answer, "detail", "")) == (kind or type(None), shown)

    async def test_a_fault_of_too_many_calls_is_a_pause(self) -> None:
        faults = {"busy": r"Client\.Penuh"}
        tables = TABLES | {"trouble": TABLES["trouble"] | {"faults": faults, "pause": 7}}
        async with serve(build_fault("Sender", "Penuh"), tables=tables) as (connector, _, _):
            answer = (await connector.moorings_of([SITI], make_call()))[SITI]
        assert (type(answer), getattr(answer, "retry_after", None)) == (AgencyRefused, 7)

    async def test_an_error_may_be_a_text_in_place_of_a_code(self) -> None:
        """As PDDIKTI Feeder writes it: `ERROR: ...`, with HTTP 200."""
        tables = {**TABLES, "trouble": {**TABLES["trouble"], "refused": "ERROR:.*"}}
        async with serve(of_person(code=f"ERROR: Token {SITI} tidak valid"), tables=tables) as (connector, _, _):
            answer = (await connector.moorings_of([SITI], make_call()))[SITI]
        assert (type(answer), SITI in str(getattr(answer, "detail", ""))) == (AgencyRefused, False)

    async def test_a_read_without_result_codes(self) -> None:
        tables = {name: each for name, each in TABLES.items() if name != "trouble"}
        async with serve(of_person(build_row(), code="GALAT"), tables=tables) as (connector, _, _):
            assert await connector.moorings_of([SITI], make_call()) == {SITI: (SHORT,)}

    async def test_the_failure_of_one_person_leaves_the_others(self) -> None:
        def answer(sent: etree._Element) -> str:
            [nik] = texts(sent, "pencarian/nik")
            return of_person(build_row(), code="OK") if nik == SITI else build_fault("Sender")

        async with serve(answer) as (connector, _, _):
            found = await connector.moorings_of([SITI, BUDI], make_call())
        assert (found[SITI], type(found[BUDI])) == ((SHORT,), AgencyRefused)

    async def test_the_probe_fails_where_the_agency_does(self) -> None:
        async with serve(numbered(), build_fault("Receiver"), gate=open_gate(breaker=None)) as (connector, _, _):
            await connector.probe(make_call())
            with pytest.raises(AgencyUnavailable):
                await connector.probe(make_call())


class TestRows:
    @pytest.mark.parametrize("owner", [BUDI, None, "", f"{SITI} x"])
    async def test_a_row_of_another_person_rejects_the_reply_inside_the_gate(self, owner: object) -> None:
        gate = open_gate()
        async with serve(of_person(build_row(), build_row("A-002", owner)), gate=gate) as (connector, _, _):
            answer = (await connector.moorings_of([SITI], make_call()))[SITI]
        assert (type(answer), answer.detail) == (AgencyMalformed, "a row for a key that was not requested")
        assert (gate.counts.mismatches, gate.breaker_state) == (1, BreakerState.OPEN)

    async def test_a_row_of_another_key_rejects_the_reply_for_several_keys(self) -> None:
        gate = open_gate()
        async with serve(numbered(build_row("A"), build_row("C")), gate=gate) as (connector, _, _):
            with pytest.raises(AgencyMalformed):
                await connector.moorings(["A", "B"], make_call())
        assert (gate.counts.mismatches, gate.breaker_state) == (1, BreakerState.OPEN)

    async def test_an_unreadable_row_names_its_field_and_does_not_count_at_the_breaker(self) -> None:
        gate = open_gate()
        rows = build_row("A", length="panjang"), build_row("B")
        async with serve(numbered(*rows), gate=gate) as (connector, _, _):
            found = await connector.moorings(["A", "B"], make_call())
        assert getattr(found["A"], "detail", "") == "not readable as a whole number (Mooring.length)"
        assert getattr(found["B"], "length", 0) == 12
        assert gate.breaker_state is BreakerState.CLOSED

    async def test_several_rows_for_a_key_with_one_record_are_a_mismatch(self) -> None:
        async with serve(numbered(build_row("A"), build_row("A", BUDI), build_row("B"))) as (connector, _, _):
            found = await connector.moorings(["A", "B"], make_call())
        assert getattr(found["A"], "detail", "") == "several records for a key that has one"
        assert getattr(found["B"], "id", "") == "B"

    async def test_one_record_for_two_people_is_given_to_neither_unless_it_may_be_shared(self) -> None:
        def answer(sent: etree._Element) -> str:
            [nik] = texts(sent, "pencarian/nik")
            return of_person(build_row("A-1", nik), build_row("S-1", nik))

        def owners(sent: etree._Element) -> str:
            [nik] = texts(sent, "pencarian/nik")
            return of_person(build_row("S-1", nik), build_row(f"A-{nik}", nik))

        tables = change("moorings_of", id="id", shared="S-.*")
        gate = open_gate()
        async with serve(answer, gate=gate, tables=tables) as (connector, _, _):
            found = await connector.moorings_of([SITI, BUDI], make_call())
        assert {type(each) for each in found.values()} == {AgencyMalformed}
        assert gate.counts.mismatches == 1
        async with serve(owners, tables=tables) as (connector, _, _):
            found = await connector.moorings_of([SITI, BUDI], make_call())
        moorings = {nik: () if isinstance(each, AgencyFailure) else each for nik, each in found.items()}
        assert {nik: [each.owner for each in owned] for nik, owned in moorings.items()} == {
            SITI: [SITI, SITI],
            BUDI: [BUDI, BUDI],
        }

    @pytest.mark.parametrize(
        ("berth", "state"),
        [
            ("A-001", BreakerState.CLOSED),
            ("00A-001", BreakerState.CLOSED),
            (" A-001 ", BreakerState.CLOSED),
            ("A-002", BreakerState.OPEN),
            ("", BreakerState.OPEN),
        ],
    )
    async def test_a_list_within_a_row_repeats_its_columns(self, berth: str, state: BreakerState) -> None:
        gate = open_gate()
        inner = f"<t:petak><t:nomor>{berth}</t:nomor><t:sejak/></t:petak>"
        tables = change("moorings_of", match={"petak": "nomor"})
        async with serve(of_person(build_row(berths=inner)), gate=gate, tables=tables) as (connector, _, _):
            answer = (await connector.moorings_of([SITI], make_call()))[SITI]
        assert isinstance(answer, tuple) is (state is BreakerState.CLOSED)
        assert gate.breaker_state is state

    async def test_more_than_a_thousand_rows_are_malformed(self) -> None:
        gate = open_gate()
        async with serve(of_person(*["<t:nomor/>"] * 1001), gate=gate) as (connector, _, _):
            answer = (await connector.moorings_of([SITI], make_call()))[SITI]
        assert (answer.detail, gate.breaker_state) == ("not readable as a list of objects", BreakerState.OPEN)


WHOLE = of_person(build_row()).encode()
ENVELOPE = b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>%s</s:Body></s:Envelope>'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sedang pemeliharaan</html>",
        (ENVELOPE % WHOLE)[:-30],
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + ENVELOPE % WHOLE,
        ENVELOPE % b"",
        ENVELOPE % numbered(build_row()).encode(),
        ENVELOPE % WHOLE.replace(b"<kode>OK</kode>", b"<kode>OK</kode><kode>NIHIL</kode>"),
        ENVELOPE % WHOLE.replace(b"<status>", b"<keadaan>").replace(b"</status>", b"</keadaan>"),
        ENVELOPE % WHOLE.replace(b"<hasil>", b"<hasil><tambatan>x</tambatan><tambatan>y</tambatan>"),
        ENVELOPE % b"<a>" * 30_000,
        b"\xff\xfe" + b"\x00" * 100,
    ],
    ids=[
        "empty",
        "html",
        "cut",
        "doctype",
        "no body",
        "other operation",
        "two codes",
        "no code",
        "texts for rows",
        "deep",
        "zeros",
    ],
)
async def test_a_reply_that_is_no_answer_is_malformed_and_counts_at_the_breaker(body: bytes) -> None:
    gate = open_gate()
    async with serve(body, gate=gate) as (connector, _, _):
        answer = (await connector.moorings_of([SITI], make_call()))[SITI]
    assert type(answer) is AgencyMalformed
    assert SITI not in f"{answer} {answer.detail}"
    assert gate.breaker_state is BreakerState.OPEN


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown operation": (
        change("rates", operation="Tarif"),
        "reads.rates.operation: the WSDL has no operation 'Tarif'; it has TambatanByPemilik, TambatanByNomor, Tarif",
    ),
    "an unknown argument": (
        change("rates", arguments={"kelas": "{grade}", "thn": "{year}"}),
        "reads.rates.arguments.thn: the WSDL has no element 'thn' here; it has kelas, tahun",
    ),
    "a missing argument": (
        change("rates", arguments={"kelas": "{grade}{year}"}),
        "reads.rates.arguments: TarifByKelas: Missing element tahun",
    ),
    "a text for an element with elements": (
        change("moorings_of", arguments={"pencarian": "{key}"}),
        "reads.moorings_of.arguments.pencarian: the element holds elements: write a table with nik, halaman, aktif",
    ),
    "a table for a text": (
        change("moorings_of", arguments={"pencarian": {"nik": {"x": "{key}"}}}),
        "reads.moorings_of.arguments.pencarian.nik: the element holds a text: write one",
    ),
    "a list for an element that does not repeat": (
        change("moorings_of", arguments={"pencarian": [{"nik": "{key}"}]}),
        "reads.moorings_of.arguments.pencarian: the element does not repeat; write one value",
    ),
    "all keys in an element that does not repeat": (
        change("moorings_of", arguments={"pencarian": {"nik": "{keys}"}}),
        "reads.moorings_of.arguments.pencarian.nik: the element does not repeat, so it takes one {key}",
    ),
    "a number without quotes": (
        change("moorings_of", arguments={"pencarian": {"nik": "{key}", "halaman": 1}}),
        "reads.moorings_of.arguments.pencarian.halaman: write a text in quotes, a table or a list of them",
    ),
    "a text of another type": (
        change("moorings_of", arguments={"pencarian": {"nik": "{key}", "halaman": "satu"}}),
        "reads.moorings_of.arguments.pencarian.halaman: the type of the element does not allow this text",
    ),
    "a key in an element that takes no text": (
        change("moorings_of", arguments={"pencarian": {"nik": "1", "aktif": "{key}"}}),
        "reads.moorings_of.arguments: TambatanByPemilik: an element does not take any text; write its value",
    ),
    "an answer without its key": (
        change("moorings_of", arguments={"pencarian": {"nik": "1"}}),
        "reads.moorings_of.arguments: the answer would not depend on 'key': send {key}",
    ),
    "a placeholder of another key": (
        change("moorings_of", arguments={"pencarian": {"nik": "{nik}"}}),
        "reads.moorings_of.arguments.pencarian.nik: the key has no part 'nik'",
    ),
    "rows that are missing": (
        change("moorings_of", rows="hasil.kapal"),
        "reads.moorings_of.rows: the WSDL has no element 'kapal' here; it has tambatan",
    ),
    "rows without a path": (
        change("moorings_of", rows=""),
        "reads.moorings_of.rows: name the element that repeats for each row; the reply has status, hasil",
    ),
    "rows that do not repeat": (
        change("moorings_of", rows="hasil"),
        "reads.moorings_of.rows: the element does not repeat; name one within it: tambatan",
    ),
    "rows that are a text": (
        change("moorings_of", rows="status.kode"),
        "reads.moorings_of.rows: the element holds a text, and no columns",
    ),
    "a key column that is missing": (
        change("moorings_of", key="nik"),
        "reads.moorings_of.key: the WSDL has no element 'nik' here; it has nomor, pemilik, ukuran, petak",
    ),
    "people without proof": (
        change("moorings_of", key=None, id="id"),
        "reads.moorings_of: rows must repeat the number of the person: name its column in `key`",
    ),
    "several keys without their column": (
        change("moorings", key=None),
        "reads.moorings: rows of several keys must repeat their key: name its column in `key`",
    ),
    "a column of a key with parts": (
        change("rates", key="kelas"),
        "reads.rates.key: the key has several parts; remove this line",
    ),
    "an unknown identifier": (
        change("moorings_of", id="number"),
        "reads.moorings_of.id: the record Mooring has no field 'number'",
    ),
    "shared identifiers without their field": (
        change("moorings_of", shared="S"),
        "reads.moorings_of.shared: it is about identifiers: name their field in `id`",
    ),
    "a match with a column that is missing": (
        change("moorings_of", match={"petak": ["nomor", "pemilik"]}),
        "reads.moorings_of.match.petak: the WSDL has no element 'pemilik' here; it has nomor, sejak",
    ),
    "a match with what is no list": (
        change("moorings_of", match={"ukuran": "nomor"}),
        "reads.moorings_of.match.ukuran: 'ukuran' is no list of elements with columns",
    ),
    "a column that is missing": (
        change_record("Mooring", length="ukuran.lebar"),
        "records.Mooring.length: the WSDL has no element 'lebar' here; it has panjang",
    ),
    "a column that holds elements": (
        change_record("Mooring", length="ukuran"),
        "records.Mooring.length: 'ukuran' holds elements, and not one text",
    ),
    "a column of the row around": (
        change_record("Berth", number="^.no"),
        "records.Berth.number: the WSDL has no element 'no' here; it has nomor, pemilik, ukuran, petak",
    ),
    "a row around the outermost": (
        change_record("Berth", number="^.^.nomor"),
        "records.Berth.number: the WSDL has no element '^' here; it has nomor, pemilik, ukuran, petak",
    ),
    "rows within what is no list": (
        change("moorings_of", rows="hasil[].tambatan"),
        "reads.moorings_of.rows: 'hasil' is no list of elements with columns",
    ),
    "rows that end with a list": (
        change("moorings_of", rows="hasil.tambatan[]"),
        "reads.moorings_of.rows: 'hasil.tambatan[]' ends with []: name the list within each object, or leave [] out",
    ),
    "a column of a list within": (
        change_record("Berth", number="no"),
        "records.Berth.number: the WSDL has no element 'no' here; it has nomor, sejak",
    ),
    "a column within a list": (
        change_record("Mooring", length="petak.nomor"),
        "records.Mooring.length: 'petak' repeats, so it has no single 'nomor'",
    ),
    "a list of what is no list": (
        change_record("Mooring", berths="ukuran"),
        "records.Mooring: 'ukuran' is no list of elements with columns",
    ),
    "a person who is not the key": (
        change_record("Mooring", owner="{key}"),
        "records.Mooring.owner: the key is not the number of this person: name the column of the number",
    ),
    "a result code that is missing": (
        TABLES | {"trouble": {"code": "kode", "success": "OK"}},
        "trouble.code: the WSDL has no element 'kode' here; it has status, tambatan",
    ),
    "a probe that is not sent": (
        TABLES | {"probe": {"read": "moorings_of", "key": "1"}},
        "probe.key: the read moorings_of would not send it; see its key_pattern",
    ),
    "a probe with parts": (
        TABLES | {"probe": {"read": "rates", "key": "1"}},
        "probe.key: the read takes a query: write JSON with ",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_manifest_that_the_wsdl_does_not_describe_is_refused_with_its_place_and_the_fix(case: str) -> None:
    tables, problem = REFUSED[case]
    with pytest.raises(NotDeclarableError) as refused:
        build(open_driver(), tables)
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize(
    ("wire", "problem"),
    [
        ({"headers": {"aplikasi": {"kunci": "k", "kota": "j"}}}, "user: no message holds it; write {user} in headers"),
        ({"password": None}, "password: give it, because messages hold it"),
        ({"user": None}, "user: give it, because messages hold it"),
        ({"charset": "latin-99"}, "an unknown encoding"),
        ({"user_token": {"timestamp": 0}}, "greater than or equal to 1"),
    ],
)
def test_a_wire_that_contradicts_itself_is_refused(wire: dict[str, Any], problem: str) -> None:
    given = {"user_token": None} | wire if "headers" in wire else wire
    with pytest.raises(ValidationError) as refused:
        open_driver(**given)
    assert problem in str(refused.value)
    assert "sandi" not in str(refused.value)


async def test_calls_for_different_people_are_bounded() -> None:
    under_way, most = 0, 0

    class CountingDriver(SoapDriver):
        async def ask(self, *_: Any) -> Any:  # noqa: ANN401 - as the driver's
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            for _step in range(5):
                await asyncio.sleep(0)
            under_way -= 1

    driver = open_driver()
    driver.__class__ = CountingDriver
    connector = build(driver, change("moorings_of", max_concurrency=3))
    assert await connector.moorings_of([Nik(f"{SITI[:-2]}{each:02}") for each in range(9)], make_call()) == {}
    assert most == 3

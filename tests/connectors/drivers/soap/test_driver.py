import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from lxml import etree

from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpLimits, HttpService
from connectors.drivers.soap.driver import SoapDriver
from connectors.drivers.soap.envelopes import ValueSlot
from connectors.drivers.soap.replies import SoapFault, SoapReply
from connectors.drivers.soap.service import SoapService
from connectors.drivers.soap.wsdl import Wsdl, WsdlError
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout, AgencyUnavailable
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, Script, reply, serve_bytes, silence
from tests.connectors.pbb_answers import WSDL, load_wsdl

RECORDED = Path(__file__).parents[2] / "recorded"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
NIK = "3171014506909001"
CREDENTIALS = {"otentikasi": {"pengguna": "simpul", "kata_sandi": "rahasia<&"}}


def driver_at(url: str) -> SoapDriver:
    http = HttpDriver(HttpService("pbb", url, headers={}), HttpLimits(deadline=5, connections=2, max_bytes=1_000_000))
    return SoapDriver(http, SoapService(wsdls=[load_wsdl()], headers=CREDENTIALS))


async def ask(driver: SoapDriver, nik: str, call: Call) -> SoapReply:
    request = driver.prepare("GetObjekByNik", {"nik": ValueSlot(0).text}, slots=1)
    return await driver.ask(request, [nik], call, lambda reply: reply)


@asynccontextmanager
async def driven(script: Script | bytes) -> AsyncIterator[tuple[SoapDriver, ByteServer]]:
    async with serve_bytes(script) as server:
        driver = driver_at(server.url + "/services/pbb")
        try:
            yield driver, server
        finally:
            await driver.close()


def call(seconds: float = 5) -> Call:
    return Call(deadline=monotonic() + seconds, request_id="r-1")


def read(body: str | bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> SoapReply:
    body = body.encode() if isinstance(body, str) else body
    answered = HttpReply(status=status, headers=headers or {}, body=body)
    return driver_at("http://pbb.invalid").read("GetObjekByNik", answered)


def failure(body: str | bytes, *, status: int = 200) -> AgencyFailure:
    with pytest.raises(AgencyFailure) as caught:
        read(body, status=status)
    assert NIK not in f"{caught.value} {caught.value!r} {caught.value.detail}"
    return caught.value


def envelope(content: str, *, soap: str = SOAP_11) -> str:
    return f'<s:Envelope xmlns:s="{soap}"><s:Body>{content}</s:Body></s:Envelope>'


def answer(content: str) -> str:
    return envelope(f'<GetObjekByNikResponse xmlns="urn:bapenda-jakarta:pbb:v1">{content}</GetObjekByNikResponse>')


class TestSoapRequests:
    async def test_an_operation_is_posted_as_the_wsdl_describes_it(self) -> None:
        async with driven(reply(200, answer("<kode>14</kode>").encode())) as (driver, server):
            got = await ask(driver, "<1&2>", call())

        assert got.content == {"kode": "14", "objek": ()}
        asked = server.asked[0]
        assert (asked.method, asked.target) == ("POST", "/services/pbb")
        assert asked.headers["soapaction"] == '"urn:bapenda-jakarta:pbb:v1#GetObjekByNik"'
        assert asked.headers["content-type"] == "text/xml; charset=utf-8"
        body, names = re.subn(r"urn:uuid:[0-9a-f-]{36}", "urn:uuid:...", asked.body.decode())
        assert names == 1
        assert body == (
            "<?xml version='1.0' encoding='utf-8'?>\n"
            f'<soap-env:Envelope xmlns:soap-env="{SOAP_11}"><soap-env:Header>'
            '<ns0:Otentikasi xmlns:ns0="urn:bapenda-jakarta:pbb:v1"><ns0:pengguna>simpul</ns0:pengguna>'
            "<ns0:kata_sandi>rahasia&lt;&amp;</ns0:kata_sandi></ns0:Otentikasi>"
            '<ns1:Action xmlns:ns1="http://www.w3.org/2005/08/addressing">urn:bapenda-jakarta:pbb:v1#GetObjekByNik'
            '</ns1:Action><ns2:MessageID xmlns:ns2="http://www.w3.org/2005/08/addressing">urn:uuid:...</ns2:MessageID>'
            "</soap-env:Header><soap-env:Body>"
            '<ns0:GetObjekByNik xmlns:ns0="urn:bapenda-jakarta:pbb:v1"><ns0:nik>&lt;1&amp;2&gt;</ns0:nik>'
            "</ns0:GetObjekByNik></soap-env:Body></soap-env:Envelope>"
        )

    async def test_an_operation_that_the_wsdl_lacks_is_a_key_error_without_any_call(self) -> None:
        async with driven(reply()) as (driver, server):
            with pytest.raises(KeyError, match=r"^'GetSemua'$"):
                driver.prepare("GetSemua", {})
        assert server.asked == []

    @pytest.mark.parametrize("text", ["a\x00b", "\x1b", "\ud800", "\ufffe"])
    async def test_a_text_that_xml_cannot_hold_is_an_error_without_any_call(self, text: str) -> None:
        async with driven(reply()) as (driver, server):
            with pytest.raises(ValueError, match="that XML cannot hold"):
                await ask(driver, text, call())
        assert server.asked == []

    async def test_white_space_arrives_as_it_is(self) -> None:
        text = " a\r\n\tb]]> 'c' \N{CJK UNIFIED IDEOGRAPH-4E2D}\x85 "
        async with driven(reply(200, answer("<kode>14</kode>").encode())) as (driver, server):
            await ask(driver, text, call())
        nik = etree.fromstring(server.asked[0].body).find(".//{*}GetObjekByNik/{*}nik")
        assert nik is not None
        assert nik.text == text

    async def test_silence_is_a_timeout(self) -> None:
        async with driven(silence) as (driver, _):
            with pytest.raises(AgencyTimeout):
                await ask(driver, NIK, call(0.1))

    async def test_http_refusals_and_failures_keep_their_meaning(self) -> None:
        async with driven(reply(401)) as (driver, _):
            with pytest.raises(AgencyRefused):
                await ask(driver, NIK, call())
        async with driven(reply(503, Retry_After="9")) as (driver, _):
            with pytest.raises(AgencyUnavailable) as caught:
                await ask(driver, NIK, call())
        assert caught.value.retry_after == 9

    async def test_a_dead_reused_connection_does_not_fail_a_call(self) -> None:
        asked = 0

        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            if asked == 2:
                writer.close()
            else:
                writer.write(reply(200, answer("<kode>14</kode>").encode()))

        async with driven(script) as (driver, server):
            for _ in range(2):
                assert (await ask(driver, NIK, call())).content == {"kode": "14", "objek": ()}
        assert server.connections == 2

    async def test_a_fault_comes_with_status_500_and_is_an_answer(self) -> None:
        body = envelope("<s:Fault><faultcode>s:Server</faultcode></s:Fault>").encode()
        async with driven(reply(500, body, Retry_After="60")) as (driver, _):
            got = await ask(driver, NIK, call())
        assert got == SoapReply(content=SoapFault(code="Server", detail={}), retry_after=60)


class TestAnswers:
    def test_texts_stay_texts_and_repeatable_elements_are_tuples(self) -> None:
        got = read(
            answer(
                "<kode>00</kode><keterangan> SUKSES\n</keterangan>"
                "<objek><KD_PROPINSI>31</KD_PROPINSI><JALAN_OP><![CDATA[JL. A & B]]></JALAN_OP>"
                "<SPPT><NJOP_SPPT>1.973.160.000</NJOP_SPPT><PEMBAYARAN><DENDA_SPPT>Rp0</DENDA_SPPT></PEMBAYARAN></SPPT>"
                "</objek>"
            )
        )
        assert got.content == {
            "kode": "00",
            "keterangan": " SUKSES\n",
            "objek": (
                {
                    "KD_PROPINSI": "31",
                    "JALAN_OP": "JL. A & B",
                    "SPPT": ({"NJOP_SPPT": "1.973.160.000", "PEMBAYARAN": ({"DENDA_SPPT": "Rp0"},)},),
                },
            ),
        }

    def test_nil_is_read_as_none_and_empty_as_empty_text(self) -> None:
        nil = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil'
        got = read(
            answer(
                f'<objek><RT_OP {nil}="true"/><RW_OP {nil}="1">7</RW_OP><JALAN_OP {nil}="false"/>'
                f'<SPPT {nil}="true"/></objek>'
            )
        )
        assert got.content == {"objek": ({"RT_OP": None, "RW_OP": None, "JALAN_OP": "", "SPPT": (None,)},)}

    def test_nil_may_have_a_prefix_that_nothing_declares(self) -> None:
        with pytest.raises(AgencyMalformed):
            read("<a")  # an earlier reply changes nothing
        reply_text = answer('<kode xsi:nil="true"/><keterangan xsi:nil="true"></keterangan>')
        got = read(f'<?xml version="1.0"?>{reply_text}')
        assert got.content == {"kode": None, "keterangan": None, "objek": ()}

    @pytest.mark.parametrize("content", ['<kode x:nil="true"/>', "<xsi:kode/>", '<kode xsi:nil="true">'])
    def test_other_faults_of_namespaces_and_elements_are_malformed(self, content: str) -> None:
        with pytest.raises(AgencyMalformed):
            read(answer(content))

    def test_wrong_namespaces_and_prefixes_are_ignored(self) -> None:
        got = read(
            f'<Envelope xmlns="{SOAP_11}"><Header><x xmlns="urn:x"/></Header><Body>'
            '<a:GetObjekByNikResponse xmlns:a="urn:other"><kode xmlns="">14</kode></a:GetObjekByNikResponse>'
            "</Body></Envelope>"
        )
        assert got.content == {"kode": "14", "objek": ()}

    def test_undeclared_elements_are_skipped(self) -> None:
        got = read(
            answer("<!-- x --><?pi x?><kode>00</kode><versi>2</versi><objek><BARU><RT_OP>1</RT_OP></BARU></objek>")
        )
        assert got.content == {"kode": "00", "objek": ({"SPPT": ()},)}

    def test_a_text_in_place_of_a_number_is_returned_and_not_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            got = read(answer(f"<objek><SPPT><NJOP_SPPT>{NIK} rupiah</NJOP_SPPT></SPPT></objek>"))
        assert "NJOP_SPPT" in str(got.content)
        assert NIK not in caplog.text

    def test_retry_after_is_read_from_the_http_headers(self) -> None:
        assert read(answer("<kode>68</kode>")).retry_after is None
        assert read(answer("<kode>68</kode>"), headers={"Retry-After": "120"}).retry_after == 120


class TestCharsets:
    """The letters decide, whatever is declared."""

    @pytest.mark.parametrize(
        ("declared", "written"),
        [
            ("ISO-8859-1", "iso-8859-1"),
            ("UTF-8", "iso-8859-1"),
            ("ISO-8859-1", "utf-8"),
            ("us-ascii", "utf-8"),
            ("x-unknown", "iso-8859-1"),
            ("UTF-8", "utf-8-sig"),
            ("UTF-16", "utf-16"),
        ],
    )
    def test_letters_beyond_ascii_survive_a_wrong_declaration(self, declared: str, written: str) -> None:
        text = f"<?xml version='1.0' encoding='{declared}'?>\n" + answer("<keterangan>JL. CAFÉ, SÃO TOMÉ</keterangan>")
        got = read(text.encode(written), headers={"Content-Type": f"text/xml; charset={declared}"})
        assert got.content == {"keterangan": "JL. CAFÉ, SÃO TOMÉ", "objek": ()}

    def test_no_declaration_at_all(self) -> None:
        got = read(answer("<keterangan>GANG RENÉ</keterangan>").encode("iso-8859-1"))
        assert got.content == {"keterangan": "GANG RENÉ", "objek": ()}

    def test_windows_quotation_marks_in_declared_latin_1(self) -> None:
        body = answer("<keterangan>\u201cMAWAR\u201d \u2013 5</keterangan>").encode("windows-1252")
        assert read(body).content == {"keterangan": "“MAWAR” \N{EN DASH} 5", "objek": ()}

    def test_a_byte_unknown_to_windows_1252_affects_nothing_else(self) -> None:
        body = answer("<keterangan>CAFÉ ?</keterangan>").encode("iso-8859-1").replace(b"?", b"\x8d")
        assert read(body).content == {"keterangan": "CAFÉ \x8d", "objek": ()}

    def test_the_recorded_street_with_an_accent(self) -> None:
        body = (RECORDED / "pbb_objects_siti.xml").read_bytes()
        assert b"CAF\xc9" in body
        assert "JL. CAFÉ NO. 8" in str(read(body).content)


class TestFaults:
    def test_of_1_1_as_recorded(self) -> None:
        got = read((RECORDED / "pbb_fault_refused.xml").read_bytes(), status=500)
        assert got.content == SoapFault(
            code="Client", detail={"kode": "401", "keterangan": "PENGGUNA ATAU KATA SANDI SALAH"}
        )

    def test_in_the_shape_of_1_2_as_recorded(self) -> None:
        got = read((RECORDED / "pbb_fault_soap12_shape.xml").read_bytes(), status=500)
        assert got.content == SoapFault(code="Client", detail={})

    def test_of_1_2_with_a_subcode_and_detail(self) -> None:
        fault = (
            "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>m:X</s:Value></s:Subcode></s:Code>"
            "<s:Reason><s:Text>x</s:Text></s:Reason><s:Detail><kode> 96 </kode></s:Detail></s:Fault>"
        )
        got = read(envelope(fault, soap=SOAP_12), status=500)
        assert got.content == SoapFault(code="Server.X", detail={"kode": "96"})

    @pytest.mark.parametrize(
        ("written", "code"),
        [
            ("soap:Client.Authentication", "Client.Authentication"),
            ("Server", "Server"),
            (" s:MustUnderstand ", "MustUnderstand"),
            (NIK, "unreadable"),
            (f"Client.{NIK}", "unreadable"),
            ("", "unreadable"),
            ("s:" + "x" * 41, "unreadable"),
        ],
    )
    def test_codes(self, written: str, code: str) -> None:
        got = read(envelope(f"<s:Fault><faultcode>{written}</faultcode></s:Fault>"), status=500)
        assert got.content == SoapFault(code=code, detail={})

    @pytest.mark.parametrize(("subcode", "code"), [("m:401", "Client.401"), (NIK, "Client"), ("", "Client")])
    def test_a_subcode_is_shown_unless_it_may_be_anything(self, subcode: str, code: str) -> None:
        value = f"<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        got = read(envelope(f"<s:Fault>{value}</s:Fault>", soap=SOAP_12), status=500)
        assert got.content == SoapFault(code=code, detail={})

    def test_with_status_200_is_still_a_fault(self) -> None:
        got = read(envelope("<s:Fault><faultcode>s:Server</faultcode><faultstring>x</faultstring></s:Fault>"))
        assert got.content == SoapFault(code="Server", detail={})

    def test_the_agencys_words_are_not_shown(self) -> None:
        shown = repr(SoapReply(content=SoapFault(code="Client", detail={"keterangan": NIK})))
        assert NIK not in shown
        assert repr(SoapFault(code="Client", detail={"keterangan": NIK})) == "SoapFault(code='Client')"


class TestRubbish:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\x00\xff\xfe",
            b"<!DOCTYPE html><html><body>Sedang pemeliharaan</body></html>",
            b"<html><body>Sedang pemeliharaan</body></html>",
            b'{"kode": "00"}',
            answer("<kode>00</kode>").encode()[:-20],
            (RECORDED / "pbb_objects_rubbish.xml").read_bytes(),
            envelope("").encode(),
            f'<s:Envelope xmlns:s="{SOAP_11}"/>'.encode(),
            b"<Envelope><Body><GetObjekByNikResponse/></Body></Envelope>",
        ],
        ids=["empty", "bytes", "html 5", "html", "json", "cut", "recorded", "no content", "no body", "no namespace"],
    )
    def test_an_invalid_envelope_is_malformed(self, body: bytes) -> None:
        seen = failure(body)
        assert isinstance(seen, AgencyMalformed)
        assert seen.detail == "the reply is not a SOAP envelope with a body"

    def test_the_reply_of_another_operation_is_malformed(self) -> None:
        seen = failure((RECORDED / "pbb_bills_unknown_nop.xml").read_bytes())
        assert isinstance(seen, AgencyMalformed)
        assert seen.detail == "the body holds no GetObjekByNikResponse"

    @pytest.mark.parametrize("content", ["<kode>00</kode><kode>14</kode>", "<objek><RT_OP/><RT_OP/></objek>"])
    def test_a_value_given_twice_is_malformed(self, content: str) -> None:
        seen = failure(answer(content))
        assert isinstance(seen, AgencyMalformed)
        assert seen.detail == "an element of GetObjekByNikResponse is repeated that must not be"

    @pytest.mark.parametrize("status", [400, 404, 500])
    @pytest.mark.parametrize("body", ["", "<html/>", answer("<kode>00</kode>")], ids=["empty", "html", "answer"])
    def test_an_http_error_without_a_fault_is_unavailable(self, status: int, body: str) -> None:
        seen = failure(body, status=status)
        assert isinstance(seen, AgencyUnavailable)
        assert seen.detail == f"HTTP {status} without a SOAP fault"

    def test_a_document_type_is_malformed_and_its_entities_are_not_expanded(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("SECRET")
        laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
        for subset in (f'<!ENTITY l0 "ha">{laughs}', f'<!ENTITY l11 SYSTEM "{secret.as_uri()}">', ""):
            seen = failure(f"<!DOCTYPE x [{subset}]>" + answer(f"<kode>{'&l11;' if subset else '00'}</kode>"))
            assert isinstance(seen, AgencyMalformed)

    def test_endless_nesting_is_malformed(self) -> None:
        assert isinstance(failure(answer("<a>" * 50_000 + "</a>" * 50_000)), AgencyMalformed)


class TestInterface:
    """What a WSDL must be, found out at start."""

    @pytest.fixture
    def http(self) -> HttpDriver:
        return HttpDriver(
            HttpService("pbb", "http://pbb.invalid", headers={}), HttpLimits(deadline=1, connections=1, max_bytes=10)
        )

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "pbb.wsdl").write_text(WSDL.read_text())
        return tmp_path

    def test_imports_are_never_fetched_from_a_network(self, folder: Path) -> None:
        text = WSDL.read_text().replace(
            '<xsd:import namespace="urn:bapenda-jakarta:sismiop:v1"/>',
            '<xsd:import namespace="urn:elsewhere" schemaLocation="http://schemas.example/x.xsd"/>',
        )
        (folder / "networked.wsdl").write_text(text)
        with pytest.raises(
            ValueError,
            match=r"^x\.xsd is in a network; keep a copy of it beside the WSDL$",
        ):
            Wsdl(folder / "networked.wsdl", "1.1")

    def test_imports_may_be_files_beside_it(self, http: HttpDriver, folder: Path) -> None:
        begin, end = '<xsd:schema targetNamespace="urn:bapenda-jakarta:sismiop:v1"', "</xsd:schema>"
        text = WSDL.read_text()
        start, stop = text.index(begin), text.index(end) + len(end)
        schema = text[start:stop].replace(
            "<xsd:schema",
            '<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:sismiop="urn:bapenda-jakarta:sismiop:v1"',
            1,
        )
        (folder / "sismiop.xsd").write_text(schema)
        split = (text[:start] + text[stop:]).replace(
            '<xsd:import namespace="urn:bapenda-jakarta:sismiop:v1"/>',
            '<xsd:import namespace="urn:bapenda-jakarta:sismiop:v1" schemaLocation="sismiop.xsd"/>',
        )
        (folder / "split.wsdl").write_text(split)
        driver = SoapDriver(http, SoapService(wsdls=[Wsdl(folder / "split.wsdl", "1.1")]))
        body = (RECORDED / "pbb_objects_dewi.xml").read_bytes()
        found = driver.read("GetObjekByNik", HttpReply(status=200, headers={}, body=body))
        assert found == driver_at("http://pbb.invalid").read(
            "GetObjekByNik", HttpReply(status=200, headers={}, body=body)
        )

    def test_imports_from_outside_its_folder_are_refused(self, folder: Path) -> None:
        (folder / "inner").mkdir()
        text = WSDL.read_text().replace(
            '<xsd:import namespace="urn:bapenda-jakarta:sismiop:v1"/>',
            '<xsd:import namespace="urn:elsewhere" schemaLocation="../secret.xsd"/>',
        )
        (folder / "secret.xsd").write_text('<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"/>')
        (folder / "inner" / "nosy.wsdl").write_text(text)
        with pytest.raises(WsdlError, match=r"secret\.xsd is outside the folder of the WSDL"):
            Wsdl(folder / "inner" / "nosy.wsdl", "1.1")

    def test_two_wsdls_with_one_operation_are_refused(self, http: HttpDriver) -> None:
        with pytest.raises(WsdlError, match=r"^two WSDLs describe the operation GetObjekByNik$"):
            SoapDriver(http, SoapService(wsdls=[load_wsdl(), load_wsdl()]))

    @pytest.mark.parametrize(
        ("arguments", "headers", "complaint"),
        [
            ({}, CREDENTIALS, "GetObjekByNik: Missing element nik"),
            ({"nip": "1"}, CREDENTIALS, "GetObjekByNik: .* got an unexpected keyword argument 'nip'"),
            ({"nik": "1"}, {"otentikasi": {"pengguna": "a"}}, "GetObjekByNik: Missing element kata_sandi"),
        ],
    )
    def test_a_request_that_the_wsdl_does_not_describe_is_refused(
        self, http: HttpDriver, arguments: Mapping[str, str], headers: Mapping[str, Mapping[str, str]], complaint: str
    ) -> None:
        driver = SoapDriver(http, SoapService(wsdls=[load_wsdl()], headers=headers))
        with pytest.raises(WsdlError, match=f"^{complaint}"):
            driver.prepare("GetObjekByNik", arguments)

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            (
                "<wsdl:definitions",
                "<!DOCTYPE x><wsdl:definitions",
                "cannot be used: it has a document type",
            ),
            (
                "</wsdl:definitions>",
                "",
                "cannot be used: Invalid XML content received (Premature",
            ),
            (
                "http://schemas.xmlsoap.org/wsdl/soap/",
                "http://schemas.xmlsoap.org/wsdl/soap12/",
                "describes no SOAP 1.1 port; see `version`",
            ),
            (
                'element="tns:GetTagihanResponse"',
                'element="tns:GetTagihanJawaban"',
                "contains an invalid part ('parameters'): invalid xsd type or elements",
            ),
            ('message="tns:OtentikasiHeader"', 'message="tns:Kepala"', "cannot be used: No definition"),
            ('type="tns:PbbPortType"', "", "cannot be used: "),
            ('schemas.xmlsoap.org/wsdl/"', 'schemas.xmlsoap.org/x/"', "describes no SOAP 1.1 port"),
        ],
        ids=["document type", "cut", "soap 1.2", "unknown part", "unknown message", "no port type", "no wsdl"],
    )
    def test_an_unusable_file_is_refused_by_name(self, folder: Path, old: str, new: str, complaint: str) -> None:
        (folder / "odd.wsdl").write_text(WSDL.read_text().replace(old, new, 1))
        with pytest.raises(ValueError, match=r"^the WSDL odd\.wsdl ") as caught:
            Wsdl(folder / "odd.wsdl", "1.1")
        assert complaint in str(caught.value)

    def test_a_missing_file_is_refused_by_name(self, folder: Path) -> None:
        with pytest.raises(ValueError, match=r"^gone\.wsdl cannot be read: No such file or directory$"):
            Wsdl(folder / "gone.wsdl", "1.1")

    def test_repr_shows_operations_and_no_secret(self) -> None:
        assert repr(driver_at("http://pbb.invalid")) == (
            "<SoapDriver pbb operations=['GetObjekByNik', 'GetTagihan'] headers=['otentikasi']>"
        )

import asyncio
import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic

import pytest
from msgspec import structs

from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from connectors.drivers.http.xml_body import build_xml_format
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused, AgencyUnavailable
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes
from tests.connectors.drivers.scripted_driver import NIK, SECRET, both_ways, call, driver_of, get_failure, run_driver
from tests.telemetry.in_memory_spans import InMemorySpans


class TestRequests:
    async def test_query_and_headers_are_sent_below_the_base_address(self) -> None:
        async with run_driver(reply(200, b"[]"), path="/open311/v2/") as (driver, server):
            answer = await driver.send(
                HttpRequest("GET", "/requests.json", query={"ids": "1,2", "q": "a b&c=+"}, headers={"X-One": "1"}),
                call(),
            )

        assert (answer.status, answer.body) == (200, b"[]")
        assert server.asked[0].method == "GET"
        assert server.asked[0].target == "/open311/v2/requests.json?ids=1,2&q=a+b%26c%3D%2B"
        assert server.asked[0].headers["x-key"] == SECRET
        assert server.asked[0].headers["x-one"] == "1"

    @both_ways
    @pytest.mark.parametrize(
        ("base", "path", "target"),
        [
            ("/services/pbb", "", "/services/pbb"),
            ("", "", "/"),
            ("/v1/", "a/b/", "/v1/a/b/"),
            ("/v1", "/a?b#c d%2Fe", "/v1/a%3Fb%23c%20d%252Fe"),
        ],
    )
    async def test_special_characters_in_a_path_are_escaped(
        self, method: str, base: str, path: str, target: str
    ) -> None:
        async with run_driver(reply(), path=base) as (driver, server):
            await driver.send(HttpRequest(method, path), call())
        assert server.asked[0].target == target

    async def test_a_path_with_dot_dot_is_refused(self) -> None:
        async with run_driver(reply(), path="/v1") as (driver, server):
            with pytest.raises(ValueError, match=r"^The path for agency 'crm' holds '\.' or '\.\.'\."):
                await driver.send(HttpRequest("GET", "/a/../../admin"), call())
        assert server.asked == []

    async def test_a_form_is_sent_as_a_form(self) -> None:
        async with run_driver(reply()) as (driver, server):
            await driver.send(HttpRequest("POST", "/search", form={"reporter": "1,2", "note": "é"}), call())
        assert server.asked[0].body == b"reporter=1%2C2&note=%C3%A9"
        assert server.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"

    async def test_a_body_is_sent_as_it_is(self) -> None:
        async with run_driver(reply()) as (driver, server):
            await driver.send(HttpRequest("POST", "", body=b"<a\xe9/>", headers={"Content-Type": "text/xml"}), call())
        assert server.asked[0].body == b"<a\xe9/>"
        assert server.asked[0].headers["content-type"] == "text/xml"

    @pytest.mark.parametrize(
        "request_", [HttpRequest("POST", "/a", body=b"<a/>"), HttpRequest("POST", "a/b", form={"q": "é"}),
                     HttpRequest("POST", "/c", {"q": "1"}), HttpRequest("POST", "", body=b"", headers={"X-One": "1"})],
        ids=["body", "form", "neither", "empty"],
    )  # fmt: skip
    async def test_both_kinds_of_connections_send_the_same_bodies(self, request_: HttpRequest) -> None:
        async with run_driver(reply()) as (driver, server):
            await driver.send(request_, call())
            await driver.send(structs.replace(request_, repeatable=True), call())
        first, second = server.asked
        assert first == second
        assert server.connections == 2

    @both_ways
    async def test_connections_are_kept(self, method: str) -> None:
        async with run_driver(reply()) as (driver, server):
            for _ in range(3):
                await driver.send(HttpRequest(method, "/"), call())
        assert (len(server.asked), server.connections) == (3, 1)

    @both_ways
    async def test_both_kinds_of_connections_send_the_same_user_agent(self, method: str) -> None:
        async with run_driver(reply()) as (driver, server):
            await driver.send(HttpRequest(method, "/"), call())
            headers = {k: v for k, v in server.asked[0].headers.items() if not k.startswith("content-")}
        assert headers.pop("user-agent").startswith("Python/")
        assert headers == {
            "host": server.url.removeprefix("http://"),
            "accept": "*/*",
            "accept-encoding": "gzip, deflate",
            "x-key": SECRET,
        }

    @both_ways
    async def test_headers_of_a_call_override_those_of_the_driver_and_the_library(self, method: str) -> None:
        async with run_driver(reply()) as (driver, server):
            await driver.send(
                HttpRequest(method, "/", headers={"x-key": "another", "ACCEPT": "text/xml", "X-Note": "é"}), call()
            )
        seen = server.asked[0].headers
        assert (seen["x-key"], seen["accept"]) == ("another", "text/xml")

    @both_ways
    async def test_user_and_password_in_the_address_are_sent_as_a_header(self, method: str) -> None:
        async with serve_bytes(reply()) as server:
            driver = driver_of(server.url.replace("//", "//siapa:rahasia@"))
            await driver.send(HttpRequest(method, "/"), call())
            await driver.close()
        assert server.asked[0].headers["authorization"] == "Basic c2lhcGE6cmFoYXNpYQ=="

    @both_ways
    async def test_two_credentials_are_refused(self, method: str) -> None:
        async with serve_bytes(reply()) as server:
            driver = driver_of(server.url.replace("//", "//siapa:rahasia@"))
            with pytest.raises(ValueError, match=r"^Cannot combine AUTHORIZATION header"):
                await driver.send(HttpRequest(method, "/", headers={"authorization": "Bearer x"}), call())
            await driver.close()
        assert server.asked == []

    @both_ways
    @pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nb", "a\0", "a\x7f"])
    async def test_a_header_cannot_contain_another(self, value: str, method: str) -> None:
        async with run_driver(reply()) as (driver, server):
            with pytest.raises(ValueError, match=r"[Cc]ontrol character"):
                await driver.send(HttpRequest(method, "/", headers={"X-One": value}), call())
        assert server.asked == []

    @both_ways
    async def test_cookies_are_not_kept(self, method: str) -> None:
        async with serve_bytes(reply(Set_Cookie="session=of-another; Path=/")) as server:
            # By name: no cookie jar keeps those of a bare address.
            driver = driver_of(server.url.replace("127.0.0.1", "localhost"))
            for _ in range(2):
                await driver.send(HttpRequest(method, "/"), call())
            await driver.close()
        assert [asked.headers.get("cookie") for asked in server.asked] == [None, None]

    @both_ways
    async def test_the_number_of_connections_limits_concurrent_calls(self, method: str) -> None:
        under_way, most = 0, 0
        both = asyncio.Event()

        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if under_way > 1:
                both.set()
            await asyncio.wait_for(both.wait(), 10)
            for _ in range(20):
                await asyncio.sleep(0)
            under_way -= 1
            writer.write(reply())

        async with run_driver(script, connections=2) as (driver, server):
            await asyncio.gather(*(driver.send(HttpRequest(method, "/"), call()) for _ in range(8)))
        assert (len(server.asked), most) == (8, 2)


class TestReplies:
    @both_ways
    @pytest.mark.parametrize("status", [200, 201, 204, 400, 404, 409, 422])
    async def test_success_and_plain_client_errors_are_returned(self, method: str, status: int) -> None:
        async with run_driver(reply(status, b"" if status == 204 else b"{}", X_Total="7")) as (driver, _):
            answer = await driver.send(HttpRequest(method, "/"), call())
        assert answer.status == status
        assert answer.headers["x-total"] == answer.headers["X-TOTAL"] == "7"

    @both_ways
    @pytest.mark.parametrize("status", [401, 403, 407])
    async def test_refused_credentials(self, method: str, status: int) -> None:
        seen = await get_failure(reply(status, b"no"), method=method)
        assert isinstance(seen, AgencyRefused)
        assert (seen.detail, seen.retry_after) == (f"HTTP {status}", None)

    @both_ways
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_server_errors_are_unavailable(self, method: str, status: int) -> None:
        seen = await get_failure(reply(status, b"<html>", Retry_After="30"), method=method)
        assert isinstance(seen, AgencyUnavailable)
        assert (seen.detail, seen.retry_after) == (f"HTTP {status}", 30)

    @both_ways
    @pytest.mark.parametrize("status", [500, 503, 401])
    async def test_an_accepted_status_is_returned_with_its_body(self, method: str, status: int) -> None:
        async with run_driver(reply(status, b"<fault/>")) as (driver, _):
            answer = await driver.send(HttpRequest(method, "/", accept_status={status}), call())
        assert (answer.status, answer.body) == (status, b"<fault/>")

    @both_ways
    async def test_redirects_are_not_followed(self, method: str) -> None:
        seen = await get_failure(reply(302, Location="http://127.0.0.1:1/elsewhere"), method=method)
        assert isinstance(seen, AgencyMalformed)
        assert seen.detail == "HTTP 302: redirects are not followed"

    @both_ways
    @pytest.mark.parametrize(
        ("written", "seconds"),
        [("7", 7), ("0", 0), ("", None), ("soon", None), ("-1", None), ("9" * 400, None), ("٣", None)],
    )
    async def test_429_has_a_retry_after(self, method: str, written: str, seconds: float | None) -> None:
        seen = await get_failure(reply(429, Retry_After=written), method=method)
        assert isinstance(seen, AgencyRefused)
        assert seen.retry_after == seconds

    @both_ways
    async def test_retry_after_may_be_a_date(self, method: str) -> None:
        in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
        seen = await get_failure(reply(429, Retry_After=in_a_minute), method=method)
        assert seen.retry_after is not None
        assert 50 < seen.retry_after <= 60
        assert (
            await get_failure(reply(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), method=method)
        ).retry_after == 0

    @both_ways
    async def test_a_compressed_body_is_decoded(self, method: str) -> None:
        async with run_driver(reply(200, gzip.compress(b"[1]"), Content_Encoding="gzip")) as (driver, _):
            assert (await driver.send(HttpRequest(method, "/"), call())).body == b"[1]"

    def test_a_reply_shows_nothing_personal(self) -> None:
        shown = repr(HttpReply(status=200, headers={"X-Nik": NIK}, body=NIK.encode()))
        assert shown == "HttpReply(status=200)"


async def ask(driver: HttpDriver, request: HttpRequest) -> tuple[int, object]:
    """The status and the value of a reply."""
    return await driver.ask_value(request, call(), lambda reply, value: (reply.status, value))


class TestJson:
    async def test_is_read_with_the_status(self) -> None:
        async with run_driver(reply(200, b'[1, "a"]')) as (driver, server):
            assert await ask(driver, HttpRequest("GET", "/")) == (200, [1, "a"])
            assert await ask(driver, HttpRequest("POST", "/", form={"a": "b"}, repeatable=True)) == (200, [1, "a"])
        assert [(each.method, each.body) for each in server.asked] == [("GET", b""), ("POST", b"a=b")]

    async def test_of_a_refusal_is_not_read(self) -> None:
        async with run_driver(reply(404, b"<html>")) as (driver, _):
            assert await ask(driver, HttpRequest("GET", "/")) == (404, None)

    async def test_of_an_error_is_read_for_the_statuses_that_the_request_names(self) -> None:
        request = HttpRequest("GET", "/", accept_status={500}, parse_status={404, 500})
        for status in (404, 500):
            async with run_driver(reply(status, b'{"code": 1}')) as (driver, _):
                found = await ask(driver, request)
            assert found == (status, {"code": 1})

    async def test_bodies_have_the_format_of_the_driver(self) -> None:
        async with serve_bytes(reply(200, b"<a><b>1</b></a>")) as server:
            limits = HttpLimits(deadline=5, connections=1, max_bytes=1000)
            driver = HttpDriver(HttpService("crm", server.url), limits, body_format=build_xml_format({}))
            found = await ask(driver, HttpRequest("GET", "/"))
            await driver.close()
        assert found == (200, {"a": {"b": "1"}})

    @pytest.mark.parametrize("body", [b"", b"<html>" + NIK.encode(), b"[" + b" " * 20_000 + NIK.encode()])
    async def test_that_is_invalid_is_malformed_and_not_echoed(self, body: bytes) -> None:
        async with run_driver(reply(200, body), max_bytes=100_000) as (driver, _):
            with pytest.raises(AgencyMalformed) as caught:
                await ask(driver, HttpRequest("GET", "/"))
        assert caught.value.detail == "the body of an HTTP 200 reply is not JSON"
        assert caught.value.__context__ is None


class TestMisuse:
    @pytest.mark.parametrize(
        "address", ["", "crm.example", "ftp://elsewhere", "http://", "http://h/?key=1", "http://h/#x", "http://h:port"]
    )
    def test_an_invalid_address_is_refused_without_echoing_it(self, address: str) -> None:
        with pytest.raises(ValueError, match=r"^The address of agency 'crm' is not an HTTP address\.") as caught:
            driver_of(address)
        told = address.partition("//")[2]
        assert not told or told not in str(caught.value)

    @both_ways
    async def test_a_closed_driver_says_so(self, method: str) -> None:
        driver = driver_of("http://127.0.0.1:1")
        await driver.close()
        await driver.close()
        with pytest.raises(RuntimeError, match=r"^The HTTP driver of agency 'crm' was closed\. Build a new one\.$"):
            await driver.send(HttpRequest(method, "/"), call())

    async def test_repr_shows_the_state_and_no_secret(self) -> None:
        async with run_driver(reply()) as (driver, _):
            assert repr(driver) == "<HttpDriver crm idle deadline=5s headers=['X-Key']>"
            await driver.send(HttpRequest("GET", "/"), call())
            assert repr(driver) == "<HttpDriver crm open deadline=5s headers=['X-Key']>"
        assert repr(driver) == "<HttpDriver crm closed deadline=5s headers=['X-Key']>"


@both_ways
async def test_both_kinds_of_connections_send_the_trace_headers(method: str) -> None:
    span = InMemorySpans().start_request()
    async with run_driver(reply()) as (driver, server):
        traced = Call(deadline=monotonic() + 5, request_id="r-1", span=span)
        await driver.send(HttpRequest(method, "/a", headers={"X-More": "1"}), traced)
        await driver.send(HttpRequest(method, "/b"), call())
    first, second = server.asked
    assert first.headers["traceparent"] == span.headers["traceparent"]
    assert (first.headers["x-more"], first.headers["x-key"]) == ("1", SECRET)
    assert "traceparent" not in second.headers

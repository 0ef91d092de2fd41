import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic

import pytest

from connectors.drivers.http import HttpDriver, HttpReply
from records.call import Call
from records.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout, AgencyUnavailable
from tests.connectors.drivers.wire import Asked, Script, Wire, reply, says, silence, wire

NIK = "3171014506909001"
SECRET = "kata-sandi-rahasia"


def call(seconds: float = 5) -> Call:
    return Call(deadline=monotonic() + seconds, request_id="r-1")


@asynccontextmanager
async def driven(
    script: Script | bytes, *, path: str = "", deadline: float = 5, connections: int = 4, max_bytes: int = 1000
) -> AsyncIterator[tuple[HttpDriver, Wire]]:
    async with wire(script) as server:
        driver = HttpDriver(
            "crm",
            server.url + path,
            headers={"X-Key": SECRET},
            deadline=deadline,
            connections=connections,
            max_bytes=max_bytes,
        )
        try:
            yield driver, server
        finally:
            await driver.close()


async def failure(script: Script | bytes, *, seconds: float = 5, deadline: float = 5) -> AgencyFailure:
    """What a request with a NIK in its query, a form and a secret ends in; checked for anything it must not tell."""
    async with driven(script, deadline=deadline) as (driver, server):
        with pytest.raises(AgencyFailure) as caught:
            await driver.send("GET", f"/people/{NIK}", call(seconds), query={"nik": NIK})
        told = f"{caught.value} {caught.value!r} {caught.value.detail} {vars(caught.value)}"
        for hidden in (NIK, SECRET, "127.0.0.1", server.url.rpartition(":")[2]):
            assert hidden not in told
        # A log of the traceback must not tell either: the library's errors carry the whole address.
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        return caught.value


class TestRequests:
    async def test_query_and_headers_are_sent_below_the_base_address(self) -> None:
        async with driven(reply(200, b"[]"), path="/open311/v2/") as (driver, server):
            answer = await driver.send(
                "GET", "/requests.json", call(), query={"ids": "1,2", "q": "a b&c=+"}, headers={"X-One": "1"}
            )

        assert (answer.status, answer.body) == (200, b"[]")
        assert server.asked[0].method == "GET"
        assert server.asked[0].target == "/open311/v2/requests.json?ids=1,2&q=a+b%26c%3D%2B"
        assert server.asked[0].headers["x-key"] == SECRET
        assert server.asked[0].headers["x-one"] == "1"

    @pytest.mark.parametrize(
        ("base", "path", "target"),
        [
            ("/services/pbb", "", "/services/pbb"),
            ("", "", "/"),
            ("/v1/", "a/b/", "/v1/a/b/"),
            ("/v1", "/a?b#c d%2Fe", "/v1/a%3Fb%23c%20d%252Fe"),
        ],
    )
    async def test_signs_in_a_path_cannot_change_where_it_leads(self, base: str, path: str, target: str) -> None:
        async with driven(reply(), path=base) as (driver, server):
            await driver.send("GET", path, call())
        assert server.asked[0].target == target

    async def test_a_path_that_climbs_is_refused(self) -> None:
        async with driven(reply(), path="/v1") as (driver, server):
            with pytest.raises(ValueError, match=r"^The path for agency 'crm' holds '\.' or '\.\.'\."):
                await driver.send("GET", "/a/../../admin", call())
        assert server.asked == []

    async def test_a_form_is_sent_as_a_form(self) -> None:
        async with driven(reply()) as (driver, server):
            await driver.send("POST", "/search", call(), form={"reporter": "1,2", "note": "é"})
        assert server.asked[0].body == b"reporter=1%2C2&note=%C3%A9"
        assert server.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"

    async def test_a_body_is_sent_as_it_is(self) -> None:
        async with driven(reply()) as (driver, server):
            await driver.send("POST", "", call(), body=b"<a\xe9/>", headers={"Content-Type": "text/xml"})
        assert server.asked[0].body == b"<a\xe9/>"
        assert server.asked[0].headers["content-type"] == "text/xml"

    async def test_connections_are_kept(self) -> None:
        async with driven(reply()) as (driver, server):
            for _ in range(3):
                await driver.send("GET", "/", call())
        assert (len(server.asked), server.connections) == (3, 1)

    async def test_cookies_are_not_kept(self) -> None:
        async with wire(reply(Set_Cookie="session=of-another; Path=/")) as server:
            # By name: no cookie jar keeps those of a bare address.
            driver = driver_of(server.url.replace("127.0.0.1", "localhost"))
            for _ in range(2):
                await driver.send("GET", "/", call())
            await driver.close()
        assert [asked.headers.get("cookie") for asked in server.asked] == [None, None]

    async def test_no_more_calls_are_under_way_than_there_are_connections(self) -> None:
        under_way, most = 0, 0

        async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            for _ in range(20):
                await asyncio.sleep(0)
            under_way -= 1
            writer.write(reply())

        async with driven(script, connections=2) as (driver, server):
            await asyncio.gather(*(driver.send("GET", "/", call()) for _ in range(8)))
        assert (len(server.asked), most) == (8, 2)


class TestReplies:
    @pytest.mark.parametrize("status", [200, 201, 204, 400, 404, 409, 422])
    async def test_success_and_plain_client_errors_come_back(self, status: int) -> None:
        async with driven(reply(status, b"" if status == 204 else b"{}", X_Total="7")) as (driver, _):
            answer = await driver.send("GET", "/", call())
        assert answer.status == status
        assert answer.headers["x-total"] == answer.headers["X-TOTAL"] == "7"

    @pytest.mark.parametrize("status", [401, 403, 407])
    async def test_refused_credentials(self, status: int) -> None:
        seen = await failure(reply(status, b"no"))
        assert isinstance(seen, AgencyRefused)
        assert (seen.detail, seen.retry_after) == (f"HTTP {status}", None)

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_trouble_of_the_server(self, status: int) -> None:
        seen = await failure(reply(status, b"<html>", Retry_After="30"))
        assert isinstance(seen, AgencyUnavailable)
        assert (seen.detail, seen.retry_after) == (f"HTTP {status}", 30)

    @pytest.mark.parametrize("status", [500, 503, 401])
    async def test_a_status_that_is_accepted_comes_back_with_its_body(self, status: int) -> None:
        async with driven(reply(status, b"<fault/>")) as (driver, _):
            answer = await driver.send("GET", "/", call(), accept_status={status})
        assert (answer.status, answer.body) == (status, b"<fault/>")

    async def test_redirects_are_not_followed(self) -> None:
        seen = await failure(reply(302, Location="http://127.0.0.1:1/elsewhere"))
        assert isinstance(seen, AgencyMalformed)
        assert seen.detail == "HTTP 302: redirects are not followed"

    @pytest.mark.parametrize(
        ("written", "seconds"),
        [("7", 7), ("0", 0), ("", None), ("soon", None), ("-1", None), ("9" * 400, None), ("٣", None)],
    )
    async def test_too_many_requests_say_when_to_come_back(self, written: str, seconds: float | None) -> None:
        seen = await failure(reply(429, Retry_After=written))
        assert isinstance(seen, AgencyRefused)
        assert seen.retry_after == seconds

    async def test_the_moment_to_come_back_may_be_a_date(self) -> None:
        in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
        seen = await failure(reply(429, Retry_After=in_a_minute))
        assert seen.retry_after is not None
        assert 50 < seen.retry_after <= 60
        assert (await failure(reply(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"))).retry_after == 0

    async def test_a_compressed_body_is_unpacked(self) -> None:
        async with driven(reply(200, gzip.compress(b"[1]"), Content_Encoding="gzip")) as (driver, _):
            assert (await driver.send("GET", "/", call())).body == b"[1]"

    def test_a_reply_shows_nothing_personal(self) -> None:
        shown = repr(HttpReply(status=200, headers={"X-Nik": NIK}, body=NIK.encode()))
        assert shown == "HttpReply(status=200)"


class TestBounds:
    async def test_a_body_of_the_longest_length_is_taken(self) -> None:
        async with driven(reply(200, b"x" * 1000)) as (driver, _):
            assert len((await driver.send("GET", "/", call())).body) == 1000

    @pytest.mark.parametrize(
        "answer",
        [
            reply(200, b"x" * 1001),
            reply(200, gzip.compress(b"x" * 50_000_000), Content_Encoding="gzip"),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"400\r\n" + b"x" * 1024 + b"\r\n") * 3,
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 5000,
        ],
        ids=["long", "bomb", "endless", "announced"],
    )
    async def test_a_longer_body_is_malformed_and_not_read_to_its_end(self, answer: bytes) -> None:
        seen = await failure(answer)
        assert isinstance(seen, AgencyMalformed)
        assert seen.detail == "the body is longer than 1000 bytes"

    async def test_endless_headers_are_malformed(self) -> None:
        assert isinstance(
            await failure(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 9000) for n in range(20))),
            AgencyMalformed,
        )


class TestWire:
    @pytest.mark.parametrize(
        "answer",
        [
            b"HELLO, I AM NOT HTTP\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Encoding: gzip\r\n\r\nabcdefghij",
        ],
        ids=["words", "tls", "status", "chunk", "gzip"],
    )
    async def test_what_is_not_http_is_malformed(self, answer: bytes) -> None:
        assert isinstance(await failure(says(answer, then_hang_up=True)), AgencyMalformed)

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        ],
        ids=["nothing", "half a head", "half a body", "half a chunk"],
    )
    async def test_an_answer_cut_off_is_unavailable(self, answer: bytes) -> None:
        assert isinstance(await failure(says(answer, then_hang_up=True)), AgencyUnavailable)

    async def test_a_reset_connection_is_unavailable(self) -> None:
        async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            writer.transport.abort()

        assert isinstance(await failure(script), AgencyUnavailable)

    async def test_an_agency_that_is_down_is_unavailable_and_answers_when_it_is_back(self, free_port: int) -> None:
        driver = driver_of(f"http://127.0.0.1:{free_port}")
        with pytest.raises(AgencyUnavailable) as caught:
            await driver.send("GET", "/", call())
        assert caught.value.detail == "ClientConnectorError"

        back = Wire(says(reply(200, b"back")))
        async with await asyncio.start_server(back.serve, "127.0.0.1", free_port):
            assert (await driver.send("GET", "/", call())).body == b"back"
            await driver.close()

    @pytest.mark.parametrize(("method", "repeatable"), [("GET", False), ("POST", True)])
    async def test_a_kept_connection_that_died_costs_a_read_nothing(self, method: str, repeatable: bool) -> None:  # noqa: FBT001 - a parameter of the test
        async with dying_after_the_first_answer() as (driver, server):
            assert (await driver.send(method, "/", call(), repeatable=repeatable)).body == b"ok"
            assert (await driver.send(method, "/", call(), repeatable=repeatable)).body == b"ok"
        assert server.connections == 2

    async def test_a_kept_connection_that_died_never_sends_a_write_twice(self) -> None:
        async with dying_after_the_first_answer() as (driver, server):
            await driver.send("POST", "/first", call())
            with pytest.raises(AgencyUnavailable):
                await driver.send("POST", "/second", call())
        assert [asked.target for asked in server.asked] == ["/first", "/second"]

    async def test_a_fresh_connection_that_dies_is_not_tried_again(self) -> None:
        async with driven(says(b"", then_hang_up=True)) as (driver, server):
            with pytest.raises(AgencyUnavailable):
                await driver.send("POST", "/", call(), repeatable=True)
        assert len(server.asked) == 1


class TestDeadlines:
    @pytest.mark.parametrize(("seconds", "deadline"), [(0.1, 9), (9, 0.1)], ids=["caller's", "agency's"])
    async def test_silence_ends_at_the_nearer_deadline(self, seconds: float, deadline: float) -> None:
        began = monotonic()
        seen = await failure(silence, seconds=seconds, deadline=deadline)
        assert isinstance(seen, AgencyTimeout)
        assert 0.09 < monotonic() - began < 2

    async def test_a_body_that_drips_does_not_stretch_the_deadline(self) -> None:
        async def drip(_asked: Asked, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)

        began = monotonic()
        assert isinstance(await failure(drip, seconds=0.2), AgencyTimeout)
        assert monotonic() - began < 2

    async def test_waiting_for_a_free_connection_counts(self) -> None:
        async with driven(silence, connections=1) as (driver, server):
            first = asyncio.create_task(driver.send("GET", "/", call(9)))
            await server.busy.wait()
            with pytest.raises(AgencyTimeout):
                await driver.send("GET", "/", call(0.1))
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
        assert len(server.asked) == 1

    async def test_a_server_that_accepts_and_never_reads_is_a_timeout(self) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
            driver = driver_of(f"http://127.0.0.1:{deaf.getsockname()[1]}", deadline=0.1)
            try:
                with pytest.raises(AgencyTimeout):
                    await driver.send("POST", "/", call(), body=b"x" * 1_000_000)
            finally:
                await driver.close()

    async def test_a_deadline_that_has_passed_asks_nothing(self) -> None:
        async with driven(reply()) as (driver, server):
            with pytest.raises(AgencyTimeout) as caught:
                await driver.send("GET", "/", call(-1))
        assert caught.value.detail == "the deadline had passed before the call"
        assert server.connections == 0

    async def test_a_caller_who_goes_away_takes_the_call_along(self) -> None:
        async with driven(silence) as (driver, server):
            task = asyncio.create_task(driver.send("GET", "/", call()))
            await server.busy.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(server.left.wait(), 2)


class TestJson:
    @pytest.mark.parametrize(
        ("body", "value"),
        [(b"[1]", [1]), (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "é"}), (b" null\n", None)],
        ids=["list", "byte order mark", "null"],
    )
    def test_read(self, body: bytes, value: object) -> None:
        assert driver_of("http://h").json_of(HttpReply(status=200, headers={}, body=body)) == value

    @pytest.mark.parametrize(
        "body",
        [b"", b"<html>" + NIK.encode(), b'{"a": ', b"NaN", b'"\xe9"', b"[" * 100_000],
        ids=["empty", "html", "cut", "nan", "latin-1", "deep"],
    )
    def test_what_is_not_json_is_malformed_and_not_echoed(self, body: bytes) -> None:
        with pytest.raises(AgencyMalformed) as caught:
            driver_of("http://h").json_of(HttpReply(status=200, headers={}, body=body))
        assert caught.value.detail == "the body of an HTTP 200 reply is not JSON"
        assert caught.value.__context__ is None


class TestMisuse:
    @pytest.mark.parametrize(
        "address", ["", "crm.example", "ftp://elsewhere", "http://", "http://h/?key=1", "http://h/#x", "http://h:port"]
    )
    def test_what_is_no_address_is_refused_without_echoing_it(self, address: str) -> None:
        with pytest.raises(ValueError, match=r"^The address of agency 'crm' is no HTTP address\.") as caught:
            driver_of(address)
        told = address.partition("//")[2]
        assert not told or told not in str(caught.value)

    async def test_a_closed_driver_says_so(self) -> None:
        driver = driver_of("http://127.0.0.1:1")
        await driver.close()
        await driver.close()
        with pytest.raises(RuntimeError, match=r"^The HTTP driver of agency 'crm' was closed\. Build a new one\.$"):
            await driver.send("GET", "/", call())

    async def test_repr_tells_the_state_and_no_secret(self) -> None:
        async with driven(reply()) as (driver, _):
            assert repr(driver) == "<HttpDriver crm idle deadline=5s headers=['X-Key']>"
            await driver.send("GET", "/", call())
            assert repr(driver) == "<HttpDriver crm open deadline=5s headers=['X-Key']>"
        assert repr(driver) == "<HttpDriver crm closed deadline=5s headers=['X-Key']>"


def driver_of(address: str, *, deadline: float = 5) -> HttpDriver:
    return HttpDriver("crm", address, headers={}, deadline=deadline, connections=1, max_bytes=10)


@asynccontextmanager
async def dying_after_the_first_answer() -> AsyncIterator[tuple[HttpDriver, Wire]]:
    """The second request finds its kept connection closed by the server only after it was sent."""
    answered = 0

    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        answered += 1
        if answered == 2:
            writer.close()
        else:
            writer.write(reply(200, b"ok"))

    async with driven(script) as pair:
        yield pair


@pytest.fixture
def free_port(unused_tcp_port_factory: Callable[[], int]) -> int:
    return unused_tcp_port_factory()

"""Access tokens from real token endpoints, good and hostile; every call of either server is counted."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import pytest

from connectors.drivers.http.credentials.client_tokens import ClientTokens, Oauth2Client
from connectors.drivers.http.credentials.http_credential import NO_CREDENTIAL, HttpCredential
from connectors.drivers.http.credentials.request_signature import RequestSignature
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from records.calls.failures import AgencyFailure, AgencyRefused, AgencyTimeout, AgencyUnavailable
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, reply, serve_bytes
from tests.connectors.drivers.scripted_driver import both_ways, call
from tests.fakes.waiting import wait_until

CLIENT_SECRET = "r@hasia:klien&1"
LIMITS = HttpLimits(deadline=5, connections=50, max_bytes=1000)


def give_token(text: str, **more: object) -> bytes:
    body = {"access_token": text, "token_type": "Bearer", "expires_in": 3600} | more
    return reply(200, json.dumps({name: value for name, value in body.items() if value is not None}).encode())


@dataclass(slots=True)
class Agency:
    """An agency and its token endpoint on one server; `t-1`, `t-2` ... are its tokens."""

    driver: HttpDriver
    tokens: ClientTokens
    server: ByteServer
    clock: list[float]

    @property
    def counts(self) -> Mapping[str, int]:
        """Calls by path."""
        return Counter(each.target.partition("?")[0] for each in self.server.asked)

    def list_authorizations(self) -> list[str]:
        return [each.headers["authorization"] for each in self.server.asked if each.target != "/token"]

    async def ask(self, method: str = "GET", *, seconds: float = 5) -> int:
        return (await self.driver.send(HttpRequest(method, "data", repeatable=True), call(seconds))).status

    async def get_failure(self, method: str = "GET", *, seconds: float = 5) -> AgencyFailure:
        """The failure of a call, which reveals neither the secret nor a token."""
        with pytest.raises(AgencyFailure) as caught:
            await self.ask(method, seconds=seconds)
        told = f"{caught.value} {caught.value!r} {caught.value.detail} {self.driver!r} {self.tokens!r}"
        for hidden in (CLIENT_SECRET, "t-1", "t-2", "127.0.0.1", "sangat-rahasia"):
            assert hidden not in told
        return caught.value


@dataclass(slots=True)
class Answers:
    """The answers of both servers; every token endpoint's answer is a new token unless a test says otherwise."""

    give: Callable[[int], bytes] = lambda number: give_token(f"t-{number}")
    accepts: Callable[[str], bool] = lambda _token: True
    given: int = 0
    delay: asyncio.Event | None = None

    async def __call__(self, asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        if asked.target.startswith("/token"):
            self.given += 1
            if self.delay is not None:
                await self.delay.wait()
            writer.write(self.give(self.given))
        else:
            is_good = self.accepts(asked.headers.get("authorization", "").removeprefix("Bearer "))
            writer.write(reply(200, b"{}") if is_good else reply(401))


@asynccontextmanager
async def run_agency(
    answers: Answers,
    *,
    limits: HttpLimits = LIMITS,
    gate: Gate | None = None,
    **client: Any,  # noqa: ANN401 - `Oauth2Client`'s fields
) -> AsyncIterator[Agency]:
    clock = [1000.0]
    async with serve_bytes(answers) as server:
        settings = {"token_url": f"{server.url}/token", "client_id": "simpul:1", "client_secret": CLIENT_SECRET}
        tokens = ClientTokens("crm", Oauth2Client(**(settings | client)), NO_CREDENTIAL, clock=lambda: clock[0])
        driver = HttpDriver(
            HttpService("crm", server.url, credential=HttpCredential(tokens=tokens)),
            limits,
            gate=gate,
        )
        try:
            yield Agency(driver, tokens, server, clock)
        finally:
            await driver.close()


class TestTokenRequests:
    @both_ways
    async def test_a_token_is_fetched_once_and_sent_with_every_call(self, method: str) -> None:
        async with run_agency(Answers()) as agency:
            assert [await agency.ask(method) for _ in range(3)] == [200, 200, 200]
            assert agency.counts == {"/token": 1, "/data": 3}
            assert agency.list_authorizations() == ["Bearer t-1"] * 3

    async def test_client_secret_basic_encodes_both_parts(self) -> None:
        async with run_agency(Answers(), scope="a b", parameters={"audience": "urn:x"}) as agency:
            await agency.ask()
            asked = agency.server.asked[0]
        # base64 of simpul%3A1:r%40hasia%3Aklien%261
        assert asked.headers["authorization"] == "Basic c2ltcHVsJTNBMTpyJTQwaGFzaWElM0FrbGllbiUyNjE="
        assert (asked.method, asked.headers["accept"]) == ("POST", "application/json")
        assert dict(parse_qsl(asked.body.decode())) == {
            "grant_type": "client_credentials",
            "audience": "urn:x",
            "scope": "a b",
        }

    async def test_client_secret_post_is_in_the_form_and_what_the_address_has_is_sent_once(self) -> None:
        async with run_agency(Answers(), authentication="client_secret_post") as plain:
            url = f"{plain.server.url}/token?grant_type=client_credentials"
            async with run_agency(Answers(), authentication="client_secret_post", token_url=url) as agency:
                await agency.ask()
            asked = plain.server.asked[0]
        assert "authorization" not in asked.headers
        assert asked.target == "/token?grant_type=client_credentials"
        assert dict(parse_qsl(asked.body.decode())) == {"client_id": "simpul:1", "client_secret": CLIENT_SECRET}

    async def test_a_signature_can_cover_the_token(self) -> None:
        signature = RequestSignature(key=b"k", signed="{access_token}", headers={"X-Signature": "{signature}"})
        async with run_agency(Answers()) as agency:
            credential = HttpCredential(tokens=agency.tokens, signature=signature)
            driver = HttpDriver(
                HttpService("crm", agency.server.url, credential=credential),
                HttpLimits(deadline=5, connections=1, max_bytes=10),
            )
            await driver.send(HttpRequest("GET", "data"), call())
            await driver.close()
            headers = agency.server.asked[-1].headers
        assert headers["authorization"] == "Bearer t-1"
        # echo -n t-1 | openssl dgst -sha256 -hmac k
        assert headers["x-signature"] == "28a505071b8ee1b2d28640a5816438c7b6c9341f0cdb9e5422c8b6cdea360fbf"


class TestOneFetch:
    async def test_all_waiting_calls_share_one_fetch(self) -> None:
        answers = Answers(delay=asyncio.Event())
        async with run_agency(answers) as agency:
            waiting = [asyncio.create_task(agency.ask()) for _ in range(30)]
            await agency.server.busy.wait()
            assert answers.delay is not None
            answers.delay.set()
            assert await asyncio.gather(*waiting) == [200] * 30
            assert agency.counts == {"/token": 1, "/data": 30}

    async def test_a_caller_that_leaves_does_not_end_the_fetch_of_the_others(self) -> None:
        answers = Answers(delay=asyncio.Event())
        async with run_agency(answers) as agency:
            first, second = asyncio.create_task(agency.ask()), asyncio.create_task(agency.ask())
            await agency.server.busy.wait()
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            assert answers.delay is not None
            answers.delay.set()
            assert await second == 200
            assert agency.counts == {"/token": 1, "/data": 1}

    async def test_a_token_is_renewed_early_while_calls_still_use_it(self) -> None:
        async with run_agency(Answers()) as agency:
            await agency.ask()
            agency.clock[0] += 3600 - 61
            await agency.ask()
            assert agency.counts["/token"] == 1
            agency.clock[0] += 2
            await agency.ask()
            assert agency.list_authorizations() == ["Bearer t-1"] * 3
            await wait_for_token(agency, "Bearer t-2")
            assert agency.counts["/token"] == 2

    async def test_a_failed_early_renewal_leaves_the_token_in_use_until_its_end(self) -> None:
        answers = Answers(give=lambda number: give_token("t-1") if number == 1 else reply(500))
        async with run_agency(answers) as agency:
            await agency.ask()
            agency.clock[0] += 3580
            assert [await agency.ask() for _ in range(3)] == [200] * 3
            await wait_until(lambda: agency.counts["/token"] == 2)
            agency.clock[0] += 20
            failure = await agency.get_failure()
            assert (type(failure), failure.detail) == (AgencyUnavailable, "token endpoint: HTTP 500")
            assert agency.counts == {"/token": 3, "/data": 4}

    @pytest.mark.parametrize(("expires_in", "lifetime"), [(3600, 3600), ("3599", 3599), (None, 300), (10**12, 86_400)])
    async def test_a_token_is_used_for_its_declared_life_at_most(self, expires_in: object, lifetime: float) -> None:
        async with run_agency(Answers(give=lambda number: give_token(f"t-{number}", expires_in=expires_in))) as agency:
            await agency.ask()
            agency.clock[0] += lifetime
            await agency.ask()
            assert agency.list_authorizations() == ["Bearer t-1", "Bearer t-2"]


class TestRefusedTokens:
    @both_ways
    async def test_a_refused_token_is_replaced_and_the_call_sent_once_more(self, method: str) -> None:
        async with run_agency(Answers(accepts=lambda token: token == "t-2")) as agency:
            assert await agency.ask(method) == 200
            assert agency.counts == {"/token": 2, "/data": 2}

    async def test_concurrent_calls_with_a_refused_token_share_its_replacement(self) -> None:
        refused: set[str] = set()
        async with run_agency(Answers(accepts=lambda token: token not in refused)) as agency:
            await agency.ask()
            refused.add("t-1")
            assert await asyncio.gather(*(agency.ask() for _ in range(20))) == [200] * 20
            assert agency.counts == {"/token": 2, "/data": 1 + 20 + 20}

    @both_ways
    async def test_an_agency_that_refuses_every_token_costs_one_replacement_a_second(self, method: str) -> None:
        async with run_agency(Answers(accepts=lambda _token: False)) as agency:
            failure = await agency.get_failure(method)
            assert (type(failure), failure.detail) == (AgencyRefused, "HTTP 401")
            assert agency.counts == {"/token": 2, "/data": 2}
            for _ in range(5):
                await agency.get_failure(method)
            assert agency.counts == {"/token": 2, "/data": 7}
            agency.clock[0] += 1
            await agency.get_failure(method)
            assert agency.counts == {"/token": 3, "/data": 9}


class TestReplaysAndTheTermsOfTheAgency:
    """The call that is sent once more counts like any other."""

    @staticmethod
    async def ask(gate: Gate, *, is_owner: bool) -> tuple[Mapping[str, int], AgencyFailure | None]:
        """The calls by path of one request whose first token is refused; `is_owner`: the driver has the gate."""
        answers = Answers(accepts=lambda token: token == "t-2")
        limits = HttpLimits(deadline=5, connections=9, max_bytes=99, take_replay=gate.take_replay)
        async with run_agency(answers, limits=limits, gate=gate if is_owner else None) as agency:
            failure: AgencyFailure | None = None
            try:
                request = HttpRequest("GET", "data")
                if is_owner:
                    await agency.driver.send(request, call(5))
                else:
                    await gate.ask(call(5), lambda attempt: agency.driver.send(request, attempt))
            except AgencyFailure as refused:
                failure = refused
            return agency.counts, failure

    @pytest.mark.parametrize("is_owner", [True, False], ids=["the driver's gate", "its owner's gate"])
    async def test_a_replay_is_counted_in_the_daily_quota(self, *, is_owner: bool) -> None:
        gate = Gate("crm", AgencyTerms(deadline=5, max_concurrency=9, daily_quota=10))
        assert await self.ask(gate, is_owner=is_owner) == ({"/token": 2, "/data": 2}, None)
        assert (gate.quota_left, gate.counts.attempts, gate.counts.answered) == (8, 2, 1)

    @pytest.mark.parametrize(
        "terms", [{"daily_quota": 1}, {"rate": 0.01, "burst": 1}], ids=["the last call of the day", "no turn in time"]
    )
    async def test_a_call_that_the_terms_do_not_allow_is_not_sent_once_more(self, terms: dict[str, Any]) -> None:
        gate = Gate("crm", AgencyTerms(deadline=0.3, max_concurrency=9, **terms))
        counts, failure = await self.ask(gate, is_owner=True)
        assert counts == {"/token": 2, "/data": 1}
        assert isinstance(failure, AgencyRefused)
        assert failure.detail == "HTTP 401: not called again, as its terms allow no call"
        assert gate.counts.attempts == 1


class TestHostileTokenEndpoints:
    @pytest.mark.parametrize(
        ("answer", "detail"),
        [
            (reply(500, b"sangat-rahasia"), "HTTP 500"),
            (reply(302, Location="http://127.0.0.1:1/"), "HTTP 302: redirects are not followed"),
            (reply(204), "HTTP 204"),
            (reply(200, b"sangat-rahasia"), "the reply is not JSON"),
            (reply(200, b"[]"), "the reply is not a JSON object"),
            (reply(200, b'{"access_token": ' + b"[" * 5000), "the reply is not JSON"),
            (reply(200, b"x" * 65_537), "the body is longer than 65536 bytes"),
            (b"sangat-rahasia\r\n\r\n", "not HTTP (HttpParserError)"),
            (give_token(""), "the reply holds no access_token that a header can hold"),
            (give_token("sangat-rahasia\r\nX-Admin: 1"), "the reply holds no access_token that a header can hold"),
            (give_token("é"), "the reply holds no access_token that a header can hold"),
            (give_token("t" * 8001), "the reply holds no access_token that a header can hold"),
            (give_token("t-1", token_type="mac"), "the reply holds a token of another type than bearer"),
            (give_token("t-1", token_type=["bearer"]), "the reply holds a token of another type than bearer"),
            *(
                (
                    give_token("t-1", expires_in=value),
                    "the reply holds an expires_in that is not a positive number",
                )
                for value in (0, -1, True, "soon", "٣", "9" * 11, [1])
            ),
            (reply(400, b'{"error": "invalid_scope"}'), "HTTP 400 invalid_scope"),
            (reply(401, b'{"error": "invalid_client"}'), "HTTP 401 invalid_client"),
            (reply(403, b'{"error": ["sangat-rahasia"]}'), "HTTP 403"),
            (reply(400, b'{"error": "sangat-rahasia"}'), "HTTP 400"),
            (reply(429), "HTTP 429"),
        ],
    )
    async def test_the_agency_is_unavailable_and_never_called(self, answer: bytes, detail: str) -> None:
        async with run_agency(Answers(give=lambda _number: answer)) as agency:
            failure = await agency.get_failure()
            assert (type(failure), failure.detail) == (AgencyUnavailable, f"token endpoint: {detail}")
            assert agency.counts == {"/token": 1}

    @pytest.mark.parametrize(("answer", "pause"), [(reply(500), 1), (reply(401), 30), (reply(503, Retry_After="7"), 7)])
    async def test_a_failed_endpoint_is_left_alone_for_a_while(self, answer: bytes, pause: int) -> None:
        async with run_agency(Answers(give=lambda _number: answer)) as agency:
            await agency.get_failure()
            agency.clock[0] += pause - 0.5
            failure = await agency.get_failure()
            assert (failure.detail, failure.retry_after) == ("not called: the token endpoint failed", 1)
            assert agency.counts == {"/token": 1}
            agency.clock[0] += 0.5
            await agency.get_failure()
            assert agency.counts == {"/token": 2}

    async def test_a_requested_pause_is_bounded(self) -> None:
        async with run_agency(Answers(give=lambda _number: reply(503, Retry_After="999999999"))) as agency:
            await agency.get_failure()
            agency.clock[0] += 300
            await agency.get_failure()
            assert agency.counts == {"/token": 2}

    async def test_a_silent_endpoint_has_its_own_timeout(self) -> None:
        async with run_agency(Answers(delay=asyncio.Event()), timeout=0.2) as agency:
            failure = await agency.get_failure(seconds=60)
            assert isinstance(failure, AgencyUnavailable)
            assert failure.detail == "token endpoint: no whole answer before the deadline"
            assert agency.counts == {"/token": 1}

    async def test_a_caller_waits_no_longer_than_its_own_deadline(self) -> None:
        async with run_agency(Answers(delay=asyncio.Event()), timeout=60) as agency:
            failure = await agency.get_failure(seconds=0.2)
            assert isinstance(failure, AgencyTimeout)
            assert failure.detail == "no access token before the deadline"

    async def test_closing_ends_a_running_fetch(self) -> None:
        async with run_agency(Answers(delay=asyncio.Event()), timeout=60) as agency:
            await agency.get_failure(seconds=0.1)
            await agency.driver.close()
            await asyncio.wait_for(agency.server.deserted.wait(), 5)


async def wait_for_token(agency: Agency, authorization: str) -> None:
    async with asyncio.timeout(5):
        while agency.list_authorizations()[-1] != authorization:
            await agency.ask()

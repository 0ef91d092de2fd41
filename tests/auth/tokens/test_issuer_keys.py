"""The keys of an issuer over the network: rotation, bounds, outages. The issuer is a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from auth.caller import Caller
from auth.tokens.issuer_keys import MAX_KEY_AGE, MIN_REFRESH_INTERVAL, IssuerKeys, KeyState
from auth.tokens.issuers import Issuer
from auth.tokens.token_verifier import KeysUnavailable, TokenVerifier, Unauthenticated
from connectors.issuer_http import IssuerDocuments
from tests.fakes.issuers.loopback_issuer import DISCOVERY, KEYS, LoopbackIssuer, answer_always, run_loopback_issuer
from tests.fakes.small_records import SITI


@dataclass
class FakeMonotonicClock:
    """A clock that a test moves."""

    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with run_loopback_issuer() as running:
        yield running


@pytest.fixture
def stopwatch() -> FakeMonotonicClock:
    return FakeMonotonicClock()


@pytest.fixture
def keys(issuer: LoopbackIssuer, stopwatch: FakeMonotonicClock) -> IssuerKeys:
    return IssuerKeys(issuer.entry(), IssuerDocuments("loopback", timeout=2), monotonic_clock=stopwatch)


async def verify_token(keys: IssuerKeys, token: str) -> Caller:
    caller = TokenVerifier([keys]).verify(f"Bearer {token}")
    return caller if isinstance(caller, Caller) else await caller


def verify_without_waiting(keys: IssuerKeys, token: str) -> Caller:
    """The caller of the token, if no keys must be fetched."""
    caller = TokenVerifier([keys]).verify(f"Bearer {token}")
    assert isinstance(caller, Caller)
    return caller


async def test_no_keys_are_fetched_before_the_first_token(issuer: LoopbackIssuer, keys: IssuerKeys) -> None:
    assert (keys.state, keys.find("key-1")) == (KeyState.MISSING, None)
    assert issuer.request_counts == {}
    assert (await verify_token(keys, issuer.token())).nik == SITI
    assert issuer.request_counts == {DISCOVERY: 1, KEYS: 1}
    assert repr(keys) == "<IssuerKeys loopback fresh>"


async def test_known_keys_verify_without_a_fetch(issuer: LoopbackIssuer, keys: IssuerKeys) -> None:
    await keys.refresh()
    for _ in range(3):
        assert verify_without_waiting(keys, issuer.token()).nik == SITI
    assert issuer.request_counts == {DISCOVERY: 1, KEYS: 1}


async def test_the_first_token_with_a_new_key_fetches_it(
    issuer: LoopbackIssuer, keys: IssuerKeys, stopwatch: FakeMonotonicClock
) -> None:
    await keys.refresh()
    old = issuer.token()
    issuer.rotate("key-2")
    stopwatch.seconds += MIN_REFRESH_INTERVAL
    assert (await verify_token(keys, issuer.token())).nik == SITI
    assert issuer.request_counts == {DISCOVERY: 2, KEYS: 2}
    stopwatch.seconds += MIN_REFRESH_INTERVAL
    with pytest.raises(Unauthenticated, match="invalid_key_id"):  # the issuer withdrew it
        await verify_token(keys, old)


async def test_an_unknown_key_is_refused_without_a_fetch_within_the_interval(
    issuer: LoopbackIssuer, keys: IssuerKeys, stopwatch: FakeMonotonicClock
) -> None:
    await keys.refresh()
    issuer.rotate("key-2")
    stopwatch.seconds += MIN_REFRESH_INTERVAL - 0.1
    with pytest.raises(Unauthenticated, match="invalid_key_id"):
        verify_without_waiting(keys, issuer.token())
    assert issuer.request_counts == {DISCOVERY: 1, KEYS: 1}
    stopwatch.seconds += 0.1
    assert (await verify_token(keys, issuer.token())).nik == SITI


async def test_a_flood_of_key_names_causes_one_fetch_per_interval(
    issuer: LoopbackIssuer, keys: IssuerKeys, stopwatch: FakeMonotonicClock
) -> None:
    await keys.refresh()
    for interval in range(3):
        stopwatch.seconds += MIN_REFRESH_INTERVAL
        forged = [issuer.token({"kid": f"forged-{number}"}) for number in range(50)]
        found = await asyncio.gather(*(verify_token(keys, each) for each in forged), return_exceptions=True)
        assert all(isinstance(each, Unauthenticated) for each in found)
        assert issuer.request_counts[KEYS] == interval + 2


async def test_the_last_valid_keys_are_used_for_a_day(
    issuer: LoopbackIssuer, keys: IssuerKeys, stopwatch: FakeMonotonicClock
) -> None:
    await keys.refresh()
    issuer.answers[KEYS] = answer_always(status=500)
    stopwatch.seconds += MIN_REFRESH_INTERVAL
    await keys.refresh()
    assert (keys.state, keys.reason) == (KeyState.STALE, "HTTP 500")
    stopwatch.seconds = 100 + MAX_KEY_AGE - 0.1
    assert verify_without_waiting(keys, issuer.token()).nik == SITI
    stopwatch.seconds += 0.1
    assert keys.state is KeyState.MISSING
    with pytest.raises(KeysUnavailable, match=r"^The keys of the token's issuer are unavailable at the moment"):
        await verify_token(keys, issuer.token())
    del issuer.answers[KEYS]
    stopwatch.seconds += MIN_REFRESH_INTERVAL
    assert (await verify_token(keys, issuer.token())).nik == SITI
    assert (keys.state, keys.reason) == (KeyState.FRESH, None)


async def test_a_new_key_is_unavailable_while_the_issuer_is_down(
    issuer: LoopbackIssuer, keys: IssuerKeys, stopwatch: FakeMonotonicClock
) -> None:
    await keys.refresh()
    issuer.answers[DISCOVERY] = answer_always(status=500)
    issuer.rotate("key-2")
    stopwatch.seconds += MIN_REFRESH_INTERVAL
    for _ in range(2):
        with pytest.raises(KeysUnavailable):
            await verify_token(keys, issuer.token())
    assert issuer.request_counts[DISCOVERY] == 2


async def test_a_refused_key_set_replaces_no_keys(
    issuer: LoopbackIssuer, keys: IssuerKeys, stopwatch: FakeMonotonicClock
) -> None:
    await keys.refresh()
    issuer.answers[KEYS] = answer_always(json.dumps({"keys": [issuer.key.as_dict(private=True)]}).encode())
    stopwatch.seconds += MIN_REFRESH_INTERVAL
    await keys.refresh()
    assert keys.state is KeyState.STALE
    assert verify_without_waiting(keys, issuer.token()).nik == SITI


async def test_an_outage_is_logged_once_and_names_no_address(
    issuer: LoopbackIssuer, keys: IssuerKeys, stopwatch: FakeMonotonicClock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.answers[KEYS] = answer_always(status=500)
    for _ in range(3):
        await keys.refresh()
        stopwatch.seconds += MIN_REFRESH_INTERVAL
    [record] = [each for each in caplog.records if each.name == "simpul.issuers"]
    assert record.getMessage() == (
        "The keys of issuer loopback cannot be read (HTTP 500): its tokens cannot be checked."
    )


async def test_keys_are_kept_fresh_until_cancelled(issuer: LoopbackIssuer, keys: IssuerKeys) -> None:
    keeping = asyncio.create_task(keys.refresh_periodically())
    async with asyncio.timeout(5):
        while keys.state is not KeyState.FRESH:  # noqa: ASYNC110 - reading sets no event
            await asyncio.sleep(0.01)
    assert not keeping.done()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await keys.close()
    assert issuer.request_counts == {DISCOVERY: 1, KEYS: 1}


async def test_the_address_of_the_keys_may_have_a_query(issuer: LoopbackIssuer, keys: IssuerKeys) -> None:
    issuer.answers[DISCOVERY] = answer_always(
        json.dumps({"issuer": issuer.url, "jwks_uri": f"{issuer.url}{KEYS}?p=b2c%2Fsign-in"}).encode()
    )
    await keys.refresh()
    assert keys.state is KeyState.FRESH


def test_keys_in_a_file_are_read_once_and_never_fetched(tmp_path: Path) -> None:
    given = {"name": "a", "url": "a", "audience": "hub", "kinds": ["citizen"], "keys": tmp_path / "keys.json"}
    key = LoopbackIssuer().public_key
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key]}))
    keys = IssuerKeys(Issuer.model_validate(given))
    assert (keys.is_remote, keys.can_refresh, keys.state) == (False, False, KeyState.FRESH)
    assert keys.find("key-1") is not None


@pytest.mark.parametrize(
    ("text", "why"), [(None, "No such file or directory"), ("{}", "no list of keys"), ('{"keys": []}', "no key that")]
)
def test_a_file_of_keys_that_cannot_be_used_is_named(text: str | None, why: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    if text is not None:
        path.write_text(text)
    given = {"name": "a", "url": "a", "audience": "hub", "kinds": ["citizen"], "keys": path}
    with pytest.raises(ValueError, match=f"keys of issuer 'a', {path}, cannot be used: {why}"):
        IssuerKeys(Issuer.model_validate(given))


def test_an_issuer_without_a_key_file_or_a_reader_is_refused() -> None:
    with pytest.raises(ValueError, match="The issuer 'loopback' has no file of keys"):
        IssuerKeys(LoopbackIssuer(url="https://a.example").entry())

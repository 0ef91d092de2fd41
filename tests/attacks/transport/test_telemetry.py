"""Logs and traces reveal nothing about people, whatever callers send and agencies answer."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from connectors.drivers.soap.driver import SoapDriver
from settings import Settings
from tests.attacks.conftest import PRODUCTION
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.telemetry.trace_collector import TraceCollector, start_collector

SITI, STRANGER = "3171014506909001", "3175094101870007"
MARK = "ZANZIBARZULKARNAEN"
"""A name that only the attacks send."""
EVERYTHING = """query Everything {
  me {
    nik name birthDate residence { address } parentage { motherName }
    household { familyCardNumber members { name nik } }
    taxObjects { nop address taxpayerName bills { amount } }
    msmes { name } complaints { number description }
  }
}"""
REAL = (SITI, "SITI RAHMAWATI", "Siti Rahmawati", "3171010203149001", "KENANGA", "NUR AINI", "BUDI SANTOSO", "NADIA")
"""The agencies' data about Siti, in their spelling."""
QUERIES: Sequence[Any] = (
    {"query": EVERYTHING},
    {"query": f'query {MARK} {{ citizen(nik: "{STRANGER}") {{ name }} }}'},
    {"query": f'{{ citizen(nik: "{STRANGER}") {{ {MARK}: name nobody{MARK} }} }}'},
    {"query": f'{{ citizen(nik: "{MARK}") {{ name }} }}'},
    {"query": "query($of: NIK!) { citizen(nik: $of) { name } }", "variables": {"of": STRANGER, MARK: MARK}},
    {"query": "query($of: NIK!) { citizen(nik: $of) { name } }", "variables": {"of": {MARK: STRANGER}}},
    {"query": f'{{ markets(search: "{MARK} {STRANGER}") {{ name }} __schema {{ queryType {{ name }} }} }}'},
    {"query": f'{{ markets(search: "{MARK} {STRANGER}") {{ name }} }}'},
    {"query": f"# {MARK} {STRANGER}\n{{", "operationName": MARK},
    {"query": "{ me { name } }", "operationName": MARK + STRANGER},
    {"query": "", "documentId": MARK + STRANGER},
    {"query": "{ me { name } }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": MARK}}},
    [MARK, STRANGER],
    MARK,
)
HEADERS: Sequence[Mapping[str, str]] = (
    {},
    {"Authorization": f"Bearer {MARK}.{STRANGER}.x"},
    {"Authorization": f"Basic {MARK}"},
    {"X-Request-Id": f"nik-{STRANGER}"},
    {"X-Request-Id": f"{MARK} {STRANGER}"},
    {"X-Purpose": MARK, "X-Case": f"{MARK}-{STRANGER}"},
    {"X-Case": MARK},
    {"traceparent": f"00-{STRANGER}{STRANGER}-{STRANGER}-01", "tracestate": f"{MARK.lower()}={STRANGER}"},
    {"traceparent": f"00-{MARK}-{STRANGER}-01", "tracestate": f"v={MARK}"},
    {"X-Request-Timeout": MARK, "Cookie": f"session={MARK}{STRANGER}", "User-Agent": MARK},
    {"Content-Type": f"application/{MARK}"},
)
PATHS = (
    f"/{MARK}/{STRANGER}", f'/graphql?query={{citizen(nik:"{STRANGER}"){{name}}}}&operationName={MARK}',
    f"/me?nik={STRANGER}", f"/v2/findUsage?nik={STRANGER}&q={MARK}", f"/consents/{STRANGER}",
    f"/hooks/{MARK}{STRANGER}", f"/sign-in?code={MARK}&state={STRANGER}", "/health/ready",
)  # fmt: skip


async def attack(hub: HubClient) -> None:
    """All requests, by Siti with her token and by an anonymous caller."""
    token = hub.headers("siti")
    async with aiohttp.ClientSession() as http:
        for body in QUERIES:
            for headers in HEADERS:
                async with http.post(f"{hub.url}/graphql", json=body, headers={**token, **headers}) as response:
                    await response.read()
        async with http.post(f"{hub.url}/graphql", data=f'{{"query": "{MARK} {STRANGER}') as response:
            await response.read()
        for path in PATHS:
            async with http.get(f"{hub.url}{path}", headers=token) as response:
                await response.read()


async def attack_failing_agencies(hub: HubClient, city: RunningCity) -> None:
    """The same while every agency fails, in every way."""
    for mode in ("error", "rubbish", "refuse", "slow"):
        for each in city.agencies.values():
            if each.name != "jakpreneur" or city.counts_msmes:
                each.set_mode(mode)
        try:
            await hub.ask(EVERYTHING, caller="siti")
            await hub.ask(f'{{ markets(search: "{MARK}") {{ name }} }}')
        finally:
            for each in city.agencies.values():
                if each.name != "jakpreneur" or city.counts_msmes:
                    each.set_mode("normal")


async def attack_failing_hub(hub: HubClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same while the hub itself fails with personal data in the texts of its errors."""

    async def raise_personal(_self: SoapDriver, _request: Any, values: Any, *_rest: Any) -> Any:  # noqa: ANN401 - never gets that far
        raise ValueError(f"{MARK} {STRANGER} {values}") from KeyError(STRANGER)

    async def fail_unretrieved() -> None:
        raise RuntimeError(f"{MARK} {STRANGER}")

    with monkeypatch.context() as patched:
        patched.setattr(SoapDriver, "ask", raise_personal)
        await hub.ask(EVERYTHING, caller="siti")
    task = asyncio.create_task(fail_unretrieved(), name=MARK)
    await asyncio.wait([task])
    del task  # its outcome is never retrieved
    asyncio.get_running_loop().call_soon(int, f"{MARK}{STRANGER}")
    await asyncio.sleep(0)
    try:
        int(f"{MARK} {STRANGER}")
    except ValueError:
        logging.getLogger("of.a.library").exception("It failed.")


def assert_nothing_personal(output: str, token: str) -> None:
    """Check that a text holds no personal data."""
    for secret in (MARK, MARK.lower(), STRANGER, token, *token.split("."), *REAL):
        assert secret not in output, f"{secret}: {output[max(0, output.index(secret) - 300) :][:600]}"
    assert not re.search(r"(?<![0-9a-f])\d{16,18}(?![0-9a-f])", output)


@pytest.fixture
def collector() -> Any:  # noqa: ANN401 - a generator
    with start_collector() as running:
        yield running


@pytest.fixture
def settings(
    city: RunningCity, state_url: str, city_issuer: DevelopmentIssuer, tmp_path: Path, collector: TraceCollector
) -> Settings:
    return build_settings(
        city, state_url=state_url, issuer=city_issuer, folder=tmp_path, **PRODUCTION,
        traces_url=collector.url, traces_sample_ratio=1.0, request_timeout=1.0,
    )  # fmt: skip


@pytest.mark.usefixtures("loop_errors")
async def test_no_log_or_trace_holds_personal_data(
    settings: Settings,
    city: RunningCity,
    city_issuer: DevelopmentIssuer,
    collector: TraceCollector,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with running_hub(settings, city_issuer) as hub:
        token = hub.headers("siti")["Authorization"].removeprefix("Bearer ")
        whole = await hub.ask(EVERYTHING, caller="siti")
        assert all(each in json.dumps(whole.data) for each in (SITI, "Siti Rahmawati", "Budi Santoso")), whole.body
        await attack(hub)
        await attack_failing_agencies(hub, city)
        await attack_failing_hub(hub, monkeypatch)
    output = capsys.readouterr().err
    assert_nothing_personal(output, token)
    assert_nothing_personal(b"".join(collector.bodies).decode("latin-1"), token)

    events = [json.loads(line) for line in output.splitlines()]
    seen = {(each["logger"], each.get("code"), each["event"]) for each in events}
    for code in ("AGENCY_UNAVAILABLE", "AGENCY_MALFORMED", "AGENCY_REFUSED", "AGENCY_TIMEOUT"):
        assert code in {one for _, one, _ in seen}
    assert {"It failed.", "Task exception was never retrieved.", "Exception in callback."} <= {
        text_found for *_, text_found in seen
    }
    assert [each["exception"].splitlines()[0] for each in events if each["event"] == "It failed."] == ["ValueError"]
    assert any(each.get("incident") for each in events)
    assert len(collector.spans) > 300

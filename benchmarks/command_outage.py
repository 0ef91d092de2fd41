"""A complaint system is down for a simulated day with 10,000 submissions, and comes back with a limited rate.

Real processes: the hub with its own PostgreSQL, and two complaint systems of the sandbox. 250 people submit to the one
that is down, each at most 40 complaints, and meanwhile a few to the other one. Reported are the times of the
acknowledgements, how long the other system waited, and how the first one was served after its return.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import sqlite3
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp
import tomli_w
from rich.console import Console
from sqlalchemy import text

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import AUDIENCE, NAME, DevelopmentIssuer
from benchmarks.issuer import URL, build_benchmark_issuer
from benchmarks.layout import GATEWAY_CORE, HOST, LOAD_CORE, ROOT, free_port, run_on_core
from benchmarks.processes import Program
from records.hub.clients import ClientId
from records.identifiers import Nik
from sandbox.agency_variables import build_agency_variables
from sandbox.databases.postgres import Postgres
from settings.city.folder import DEFAULT_CITY, find_variables, load_city
from store.commands.command_outbox import CommandOutbox
from store.database import create_database_engine

GOAL_MS: Final = 50
"""The goal of the 99th percentile of acknowledgements, on a quiet machine."""
PER_PERSON: Final = 40
CONNECTIONS: Final = 8
RATE, BURST = 200, 50
DOWN, UP = "31.71.01.1001", "31.73.01.1001"
"""A place of each system."""
_LOGIN: Final = {"user": "simpul", "secret": "benchmark"}
_SUBMIT: Final = """
mutation Submit($text: String!, $region: RegionCode) {
  submitComplaint(complaint: { categoryCode: "1202", description: $text, region: $region }, key: $text) {
    ... on CommandReceipt { number }
  }
}
"""


@dataclass(slots=True)
class OutageResult:
    """What was measured."""

    acknowledged_ms: list[float] = field(default_factory=list)
    elsewhere_s: list[float] = field(default_factory=list)
    """Seconds from the acknowledgement to the other system."""
    waited_s: float = 0.0
    """Seconds from the return of the system to its first complaint."""
    delivery_s: float = 0.0
    """Seconds from the first to the last one."""


class ComplaintSystem:
    """A complaint system of the sandbox, which can be killed."""

    def __init__(self, folder: Path) -> None:
        """Starts nothing."""
        self._folder = folder
        self.port, self._control = free_port(), free_port()
        self.program: Program | None = None

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of a manifest for it."""
        return build_agency_variables(find_agency(), port=self.port, health={}, **_LOGIN)

    def start(self) -> None:
        """Start it with what it has stored."""
        words = [sys.executable, "-P", "-m", "sandbox", find_agency(), "--port", str(self.port)]
        words += ["--control-port", str(self._control), "--state", str(self._folder)]
        login = {f"SANDBOX_{name.upper()}": value for name, value in _LOGIN.items()}
        environment = {**login, "SANDBOX_LATENCY": "off", "PYTHONPATH": str(ROOT)}
        log = self._folder.with_suffix(".log")
        self.program = Program(words, core=LOAD_CORE, log=log, folder=ROOT, environment=environment)
        self.program.wait_for(self.port)

    def stop(self) -> None:
        """Stop it."""
        if self.program is not None:
            self.program.stop()

    def list_arrived(self) -> Sequence[tuple[str, str]]:
        """Text and second of each complaint, in the order of arrival."""
        with closing(sqlite3.connect(self._folder / "submissions.sqlite")) as connection:
            return connection.execute("SELECT description, at FROM submissions ORDER BY id").fetchall()


@cache
def find_agency() -> str:
    """The code of the agency that takes complaints."""
    manifests = load_city(DEFAULT_CITY).manifests
    return next(code for code, each in manifests.items() if each.manifest.domain == "complaints")


def main() -> int:
    """Measure and print. Returns 1 if a complaint is lost, doubled or late, and not for a slow machine."""
    count = 400 if "--quick" in sys.argv else 10_000
    with TemporaryDirectory(prefix="simpul-outage-") as name, run_on_core(LOAD_CORE), ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        down, other = ComplaintSystem(folder / "down"), ComplaintSystem(folder / "other")
        for each in (down, other):
            each.start()
            stack.callback(each.stop)
        state = Postgres(folder / "state", port=free_port(), database="simpul", logins={"simpul": "x"}, settings={})
        state.start()
        stack.callback(state.stop)
        issuer = build_benchmark_issuer(folder / "issuer.json")
        port, url = free_port(), f"postgresql://simpul:x@{HOST}:{state.port}/simpul"
        words = [
            sys.executable,
            "-P",
            str(ROOT / "scripts" / "simpul.py"),
            "serve",
            "--no-sandbox",
            "--port",
            str(port),
        ]
        settings = build_settings(folder, issuer, down, other, url)
        hub = Program(words, core=GATEWAY_CORE, log=folder / "hub.log", folder=ROOT, environment=settings)
        stack.callback(hub.stop)
        hub.wait_for(port)
        result = asyncio.run(measure(f"http://{HOST}:{port}/graphql", issuer, down, url, count))
        return print_report(Console(highlight=False, width=120), result, down, other, count)


def build_settings(
    folder: Path, issuer: DevelopmentIssuer, down: ComplaintSystem, other: ComplaintSystem, url: str
) -> Mapping[str, str]:
    """The environment of the hub, with a city of two complaint systems."""
    city, agency = folder / "city", find_agency()
    shutil.copytree(DEFAULT_CITY, city)
    for path in (city / "agencies").glob("*.toml"):
        manifest = tomllib.loads(path.read_text())
        if path.stem != agency:
            path.write_text(tomli_w.dumps(manifest | {"stage": "agreed"}))
            continue
        terms = {"rate": RATE, "burst": BURST, "breaker": {"pause": 0.5}}
        path.write_text(tomli_w.dumps(manifest | {"serves": ["31.71"], "terms": terms}))
        west = manifest | {"serves": ["31.73"], "name": {"en": "western system", "id": "sistem barat"}}
        west["wire"] = manifest["wire"] | {"url": "${SIMPUL_WEST_URL}"}
        path.with_stem("west").write_text(tomli_w.dumps(west))
    issuer.write_public_keys(folder / "keys.json")
    entry = {
        "name": NAME,
        "url": URL,
        "audience": AUDIENCE,
        "types": ["at+jwt", "JWT"],
        "kinds": [CallerKind.CITIZEN.value],
    }
    entry |= {"first_party": ["app"], "keys": "keys.json"}
    (folder / "issuers.json").write_text(json.dumps({"issuer": [entry]}))
    nowhere = {name: "http://127.0.0.1:9" if name.endswith("_URL") else "none" for name in find_variables(city)}
    return {
        **nowhere,
        **down.variables,
        "SIMPUL_WEST_URL": next(value for name, value in other.variables.items() if name.endswith("_URL")),
        "SIMPUL_CITY": str(city),
        "SIMPUL_STATE": str(folder / "hub"),
        "SIMPUL_SECRET": base64.b64encode(b"o" * 32).decode(),
        "SIMPUL_ISSUERS": str(folder / "issuers.json"),
        "SIMPUL_STATE_URL": url,
        "SIMPUL_SNAPSHOT_FOLDER": str(folder / "snapshots"),
        "SIMPUL_RATES": "off",
        "SIMPUL_SHED_AFTER": "0",
    }


async def measure(
    url: str, issuer: DevelopmentIssuer, down: ComplaintSystem, state_url: str, count: int
) -> OutageResult:
    """Submit during the outage, let a day pass, and wait until all is delivered."""
    result, engine = OutageResult(), create_database_engine(state_url)
    outbox = CommandOutbox(engine, timeout=30)
    people = [Nik(f"31710145069{10_000 + n}") for n in range(count // PER_PERSON)]
    tokens = [sign(issuer, each) for each in people]
    numbers = iter(range(count))
    down.stop()
    async with aiohttp.ClientSession() as session:

        async def submit() -> None:
            for number in numbers:
                token = tokens[number % len(tokens)]
                began = time.perf_counter()
                await post(session, url, token, f"wish {number:05}", DOWN)
                result.acknowledged_ms.append((time.perf_counter() - began) * 1_000)

        submitting = [asyncio.ensure_future(submit()) for _ in range(CONNECTIONS)]
        for number in range(20):
            receipt = await post(session, url, sign(issuer, Nik(f"3171014506920{number:03}")), f"else {number}", UP)
            began = time.perf_counter()
            while (found := await outbox.find(receipt)) is None or found.closed_at is None:  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.01)
            result.elsewhere_s.append(time.perf_counter() - began)
            await asyncio.sleep(0.2)
        await asyncio.gather(*submitting)
    async with engine.begin() as connection:  # a day passes
        day = "accepted_at = accepted_at - interval '1 day', next_at = next_at - interval '1 day'"
        await connection.execute(text(f"UPDATE commands SET {day} WHERE closed_at IS NULL"))  # noqa: S608 - our own text
    await asyncio.to_thread(down.start)
    began = time.perf_counter()
    while not down.list_arrived():  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.1)
    result.waited_s = time.perf_counter() - began
    while (await outbox.count_open(find_agency())).by_state:  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.5)
    result.delivery_s = time.perf_counter() - began - result.waited_s
    await engine.dispose()
    return result


def sign(issuer: DevelopmentIssuer, nik: Nik) -> str:
    """The token of a citizen in the city's own app."""
    caller = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=nik, client=ClientId(NAME, "app"))
    return issuer.sign_token(caller, subject=nik)


async def post(session: aiohttp.ClientSession, url: str, token: str, wish: str, region: str) -> str:
    """Submit a complaint; returns its receipt number."""
    body: Mapping[str, Any] = {"query": _SUBMIT, "variables": {"text": wish, "region": region}}
    async with session.post(url, json=body, headers={"Authorization": f"Bearer {token}"}) as response:
        answer = await response.json()
    if "errors" in answer:
        raise ValueError(f"The hub answers {answer['errors'][0]['message']!r} to a submission.")
    number: str = answer["data"]["submitComplaint"]["number"]
    return number


def print_report(
    console: Console, result: OutageResult, down: ComplaintSystem, other: ComplaintSystem, count: int
) -> int:
    """Print the figures. Returns 1 if a complaint is lost or doubled."""
    cuts = quantiles(result.acknowledged_ms, n=100)
    arrived = down.list_arrived()
    busiest = max(Counter(second for _, second in arrived).values())
    console.print(f"{count} submissions over {CONNECTIONS} connections while the complaint system was down")
    console.print(
        f"acknowledged: median {median(result.acknowledged_ms):.1f} ms, 95 % {cuts[94]:.1f} ms, 99 % {cuts[98]:.1f} ms"
        f" (goal on a quiet machine: {GOAL_MS} ms), {1_000 * CONNECTIONS / median(result.acknowledged_ms):.0f} a second"
    )
    console.print(
        f"the other system: median {median(result.elsewhere_s):.2f} s, at most {max(result.elsewhere_s):.2f} s"
    )
    console.print(
        f"after its return: the first after {result.waited_s:.0f} s, then {len(arrived) / result.delivery_s:.0f} a"
        f" second, at most {busiest} within one second (rate {RATE}, burst {BURST})"
    )
    places = [int(wish.removeprefix("wish ")) for wish, _ in arrived]
    console.print(f"order: at most {max(abs(place - each) for place, each in enumerate(places))} places off")
    is_whole = sorted(places) == list(range(count)) and len(other.list_arrived()) == len(result.elsewhere_s)
    console.print("nothing lost, nothing doubled" if is_whole else "[red]lost or doubled[/red]")
    return 0 if is_whole and busiest <= RATE + BURST else 1


if __name__ == "__main__":
    sys.exit(main())

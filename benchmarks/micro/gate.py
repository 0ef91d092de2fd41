"""`python -m benchmarks.micro.gate`: what an agency's gate adds to a call that is answered immediately."""

from __future__ import annotations

import sys
from contextlib import suppress
from time import monotonic, perf_counter

import uvloop
from rich.console import Console
from rich.table import Table

from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry, ClosedEntry
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyUnavailable

_CALLS = 20_000
_ROUNDS = 7
_NOT_AGREED = AgencyTerms(deadline=5.0, max_concurrency=8)
_AGREED = AgencyTerms(
    deadline=5.0,
    max_concurrency=8,
    waiting=64,
    retries=2,
    daily_quota=10**9,
    breaker=BreakerEntry(),
    closed=(ClosedEntry.model_validate({"weekdays": ["sun"], "from": "02:00", "until": "02:01"}),),
)
_BROKEN = AgencyTerms(
    deadline=5.0, max_concurrency=8, breaker=BreakerEntry(failures=1, pause=600.0, longest_pause=600.0)
)


async def _answer(_call: Call) -> int:
    return 1


async def _failure(_call: Call) -> int:
    raise AgencyUnavailable("agency")


async def _bare(call: Call) -> float:
    began = perf_counter()
    for _ in range(_CALLS):
        await _answer(call)
    return (perf_counter() - began) / _CALLS * 1e6


async def _gated(gate: Gate, call: Call) -> float:
    began = perf_counter()
    for _ in range(_CALLS):
        await gate.ask(call, _answer, repeatable=True)
    return (perf_counter() - began) / _CALLS * 1e6


async def _refused(gate: Gate, call: Call) -> float:
    began = perf_counter()
    for _ in range(_CALLS):
        try:
            await gate.ask(call, _answer, repeatable=True)
        except AgencyFailure:
            continue
    return (perf_counter() - began) / _CALLS * 1e6


async def measure() -> dict[str, float]:
    """Microseconds a call by agreed terms, the best of several rounds."""
    call = Call(deadline=monotonic() + 3600, request_id="benchmark")
    broken = Gate("agency", _BROKEN)
    with suppress(AgencyFailure):
        await broken.ask(call, _failure)
    without_terms, with_terms = Gate("agency", _NOT_AGREED), Gate("agency", _AGREED)
    found: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        found.setdefault("without a gate", []).append(await _bare(call))
        found.setdefault("no terms", []).append(await _gated(without_terms, call))
        found.setdefault("breaker, quota, hours, retries", []).append(await _gated(with_terms, call))
        found.setdefault("breaker open: refused", []).append(await _refused(broken, call))
    return {name: min(times) for name, times in found.items()}


def main() -> int:
    """Print the table; the exit code."""
    table = Table("call", "µs", title="Cost of an agency's gate")
    for name, microseconds in uvloop.run(measure()).items():
        table.add_row(name, f"{microseconds:.2f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

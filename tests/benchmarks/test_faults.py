"""Answers while an agency fails are judged and timed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import aiohttp
import orjson
import pytest

from benchmarks.comparison.callers import BenchmarkCaller
from benchmarks.comparison.questions import Q4, build_expected_answer
from benchmarks.faults import AskedRequest, ConstantLoad, FaultPlan, judge_answer, measure_faults, summarize
from benchmarks.layout import HOST
from benchmarks.upstreams.memory_server import Request, render_response
from benchmarks.upstreams.static_files import FAULT_PATH
from tests.benchmarks.upstreams.running import run_memory_server

WHOLE = build_expected_answer(Q4, 1)
PLAN = FaultPlan(fault=0.06, calm=0.04, longest=0.3, warm_up=0.02)


@pytest.mark.parametrize(
    ("status", "data", "judged"),
    [
        (200, WHOLE, (True, True)),
        (200, WHOLE | {"orders": None}, (False, True)),
        (200, WHOLE | {"account": None}, (False, False)),
        (500, WHOLE, (False, False)),
        (200, None, (False, False)),
    ],
)
def test_an_answer_is_whole_or_keeps_the_data_of_the_other_agencies(
    status: int, data: object, judged: tuple[bool, bool]
) -> None:
    assert judge_answer(status, orjson.dumps({"data": data}), 1) == judged


def test_an_unreadable_answer_keeps_nothing() -> None:
    assert judge_answer(200, b"<html>", 1) == (False, False)


def test_an_unanswered_request_counts_with_the_timeout_of_the_client() -> None:
    asked = [AskedRequest(1.0, 1.002, is_whole=True, keeps_rest=True), AskedRequest(2.0)]
    row = summarize("A", "hang", asked, None)
    assert (row.answers, row.p99_ms, row.kept_share, row.well_after_s) == (2, 10_000.0, 0.5, None)


@asynccontextmanager
async def load_with(*asked: AskedRequest) -> AsyncIterator[ConstantLoad]:
    async with aiohttp.ClientSession() as session:
        yield ConstantLoad("http://127.0.0.1:9/", [], session, list(asked))


async def test_well_again_is_the_last_incomplete_answer_after_the_fault() -> None:
    since = monotonic() - 1
    earlier = AskedRequest(since - 0.1, since + 0.5)  # asked during the fault
    late = AskedRequest(since + 0.25, since + 0.3)
    async with load_with(earlier, late, AskedRequest(since + 0.3, since + 0.31, is_whole=True)) as load:
        assert await load.wait_until_calm(since, PLAN) is None  # later than the plan observes
        longer = FaultPlan(fault=0, calm=0.04, longest=5, warm_up=0)
        assert await load.wait_until_calm(since, longer) == pytest.approx(0.25)


async def test_a_gateway_is_measured_during_each_fault() -> None:
    fault = "none"

    def answer(request: Request, transport: asyncio.WriteTransport) -> None:
        nonlocal fault
        if request.path.startswith(FAULT_PATH):
            fault = request.path.removeprefix(FAULT_PATH)
        data = WHOLE | ({} if fault in {"none", "slow"} else {"orders": None})
        transport.write(render_response(orjson.dumps({"data": data})))

    async with run_memory_server(answer) as port:
        url = f"http://{HOST}:{port}"
        rows = await measure_faults("A", f"{url}/graphql", url, [BenchmarkCaller(1, "token")], PLAN)
    assert [row.fault for row in rows] == ["none", "reset", "truncated", "status 500", "hang", "slow"]
    assert {row.kept_share for row in rows} == {1.0}
    assert all(row.answers > 0 and row.well_after_s is not None for row in rows)

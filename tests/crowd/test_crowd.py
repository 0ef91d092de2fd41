"""A thousand callers and agencies that fail in every way: no answer may hold a foreign record.

The tests check 5,000 answers; `make test-long` checks 1,000,000 in the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auth.caller import CallerKind
from tests.cache.valkey import LocalValkey, run_valkey
from tests.crowd.crowd import Crowd
from tests.crowd.crowd_setups import run_http_crowd, run_in_process_crowd
from tests.crowd.marks import MarkKind
from tests.journeys.hub import state_server

FEW_ANSWERS, MANY_ANSWERS = 5_000, 1_000_000
FEW_OVER_HTTP, MANY_OVER_HTTP = 1_000, 100_000
SEED = 20_261_101
REACHES = {
    CallerKind.CITIZEN: set(MarkKind),
    CallerKind.OFFICIAL: set(MarkKind) - {MarkKind.LOG},
    CallerKind.AGENCY_SYSTEM: set(MarkKind) - {MarkKind.LOG},
    CallerKind.PARTNER: {MarkKind.TAX, MarkKind.MSME, MarkKind.PRODUCT, MarkKind.PUBLIC},
    CallerKind.BUSINESS: {MarkKind.PUBLIC},
    CallerKind.ANONYMOUS: {MarkKind.PUBLIC},
    CallerKind.AUDITOR: {MarkKind.PUBLIC},
}
"""The kinds of mark that each kind of caller sees at all."""


@pytest.fixture(autouse=True)
def _silence_agency_failures() -> Iterator[None]:
    """Silences the log, because each failure is a line and there are hundreds of thousands."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def valkey(tmp_path: Path) -> Any:  # noqa: ANN401 - a generator
    with run_valkey(tmp_path) as running:
        yield running


async def check(crowd: Crowd, valkey: LocalValkey, answers: int) -> None:
    await crowd.ask(answers // 2)
    valkey.kill()
    await crowd.ask(answers * 6 // 10)
    valkey.start()
    await crowd.ask(answers)
    assert crowd.answers >= answers
    assert crowd.left_count > answers / 100
    assert crowd.recorded > answers / 100
    assert crowd.judge.counts.total() > answers  # marks: callers who get nothing prove nothing


async def check_reach(crowd: Crowd) -> None:
    """Asserts that each kind of caller saw what it may; on a busy machine, after some answers more."""
    most = 2 * crowd.answers
    while (reached := find_reach(crowd)) != REACHES and crowd.answers < most:
        await crowd.ask(crowd.answers + 250)
    assert reached == REACHES


def find_reach(crowd: Crowd) -> Mapping[CallerKind, set[MarkKind]]:
    return {kind: {what for other, what in crowd.judge.counts if other is kind} for kind in REACHES}


async def test_of_5_000_answers_to_1_000_callers_none_holds_a_foreign_record(valkey: LocalValkey) -> None:
    async with run_in_process_crowd(SEED, valkey.url) as crowd:
        await check(crowd, valkey, FEW_ANSWERS)
        await check_reach(crowd)


@pytest.mark.long
async def test_of_1_000_000_answers_to_1_000_callers_none_holds_a_foreign_record(valkey: LocalValkey) -> None:
    async with run_in_process_crowd(SEED, valkey.url) as crowd:
        await check(crowd, valkey, MANY_ANSWERS)
        await check_reach(crowd)


async def check_over_http(folder: Path, valkey: LocalValkey, answers: int) -> None:
    with state_server(folder / "state") as state:
        async with run_http_crowd(folder, SEED, redis=valkey.url, state=state) as (crowd, ledger):
            await check(crowd, valkey, answers)
            assert await ledger.check(crowd.people, crowd.judge) > answers / 100


async def test_no_answer_of_two_processes_with_one_cache_and_ledger_holds_a_foreign_record(
    valkey: LocalValkey, tmp_path: Path
) -> None:
    await check_over_http(tmp_path, valkey, FEW_OVER_HTTP)


@pytest.mark.long
async def test_of_100_000_answers_of_two_processes_none_holds_a_foreign_record(
    valkey: LocalValkey, tmp_path: Path
) -> None:
    await check_over_http(tmp_path, valkey, MANY_OVER_HTTP)

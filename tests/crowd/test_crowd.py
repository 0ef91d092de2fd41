"""A thousand callers, agencies that fail in every way, and an answer too many would be one too many.

8,000 answers here; 1,000,000 by `make test-long`, the same way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auth.caller import CallerKind
from tests.cache.valkey import Valkey, running_valkey
from tests.crowd.asking import Crowd
from tests.crowd.crowds import crowd_here, crowd_there
from tests.crowd.marks import What
from tests.journeys.hub import state_server

FEW, MANY = 8_000, 1_000_000
FEW_OVER_HTTP, MANY_OVER_HTTP = 1_000, 100_000
SEED = 20_261_101
REACHES = {
    CallerKind.CITIZEN: set(What),
    CallerKind.OFFICIAL: set(What) - {What.LOG},
    CallerKind.AGENCY_SYSTEM: set(What) - {What.LOG},
    CallerKind.PARTNER: {What.TAX, What.MSME, What.PRODUCT, What.PUBLIC},
    CallerKind.BUSINESS: {What.PUBLIC},
    CallerKind.ANONYMOUS: {What.PUBLIC},
    CallerKind.AUDITOR: {What.PUBLIC},
}
"""What of the city each kind of caller gets to see at all."""


@pytest.fixture(autouse=True)
def _agencies_fail_in_silence() -> Iterator[None]:
    """Each failure is a line of the log, and there are hundreds of thousands."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def valkey(tmp_path: Path) -> Any:  # noqa: ANN401 - a generator
    with running_valkey(tmp_path) as running:
        yield running


async def check(crowd: Crowd, valkey: Valkey, answers: int) -> None:
    await crowd.ask(answers // 2)
    valkey.kill()
    await crowd.ask(answers * 6 // 10)
    valkey.start()
    await crowd.ask(answers)
    assert crowd.answers >= answers
    assert crowd.left > answers / 100
    assert crowd.recorded > answers / 100
    assert crowd.judge.seen.total() > answers  # marks: who gets nothing cannot get what is not theirs


def check_reach(crowd: Crowd) -> None:
    seen: dict[CallerKind, set[What]] = {}
    for kind, what in crowd.judge.seen:
        seen.setdefault(kind, set()).add(what)
    assert {kind: seen[kind] for kind in REACHES} == REACHES


async def test_of_8_000_answers_to_1_000_callers_none_holds_a_foreign_record(valkey: Valkey) -> None:
    async with crowd_here(SEED, valkey.url) as crowd:
        await check(crowd, valkey, FEW)
        check_reach(crowd)


@pytest.mark.long
async def test_of_1_000_000_answers_to_1_000_callers_none_holds_a_foreign_record(valkey: Valkey) -> None:
    async with crowd_here(SEED, valkey.url) as crowd:
        await check(crowd, valkey, MANY)
        check_reach(crowd)


async def check_over_http(folder: Path, valkey: Valkey, answers: int) -> None:
    with state_server(folder / "state") as state:
        async with crowd_there(folder, SEED, redis=valkey.url, state=state) as (crowd, ledger):
            await check(crowd, valkey, answers)
            assert await ledger.check(crowd.people, crowd.judge) > answers / 100


async def test_nor_do_answers_of_two_processes_that_keep_together_and_record_in_one_ledger(
    valkey: Valkey, tmp_path: Path
) -> None:
    await check_over_http(tmp_path, valkey, FEW_OVER_HTTP)


@pytest.mark.long
async def test_nor_do_100_000_answers_of_two_processes(valkey: Valkey, tmp_path: Path) -> None:
    await check_over_http(tmp_path, valkey, MANY_OVER_HTTP)

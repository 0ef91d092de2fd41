import asyncio

import pytest
from starlette.types import Message

from web.attended import ClientGone, Overdue, attended


async def stays() -> Message:
    """The channel of a client that waits."""
    await asyncio.Event().wait()
    raise AssertionError


async def leaves() -> Message:
    """The channel of a client that has gone."""
    return {"type": "http.disconnect"}


class Work:
    """Work that ends when it is told to, and tells whether it was cancelled."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = False

    async def do(self) -> str:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "done"


async def test_gives_the_result_of_the_work() -> None:
    assert await attended(asyncio.sleep(0, "done"), stays, timeout=5) == "done"


async def test_passes_on_what_the_work_raises() -> None:
    async def fails() -> None:
        raise KeyError("fault")

    with pytest.raises(KeyError, match="fault"):
        await attended(fails(), stays, timeout=5)


async def test_cancels_the_work_when_the_client_goes() -> None:
    work = Work()
    with pytest.raises(ClientGone):
        await attended(work.do(), leaves, timeout=5)
    assert work.cancelled


async def test_cancels_the_work_when_the_time_runs_out() -> None:
    work = Work()
    with pytest.raises(Overdue):
        await attended(work.do(), stays, timeout=0.01)
    assert work.cancelled


async def test_cancels_the_work_when_it_is_cancelled_itself() -> None:
    work = Work()
    attending = asyncio.create_task(attended(work.do(), stays, timeout=5))
    await work.begun.wait()
    attending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attending
    assert work.cancelled


async def test_work_that_waits_a_little_is_not_watched() -> None:
    asked = False

    async def receive() -> Message:
        nonlocal asked
        asked = True
        return {"type": "http.disconnect"}

    assert await attended(asyncio.sleep(0.001, "done"), receive, timeout=5) == "done"
    assert not asked


async def test_work_that_does_not_heed_its_end_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.attended._FAREWELL", 0.01)
    let_go = asyncio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    with pytest.raises(Overdue):
        await attended(stubborn(), stays, timeout=0.01)
    let_go.set()


async def test_a_result_that_is_there_when_the_client_goes_is_still_given() -> None:
    async def at_once() -> str:
        return "done"

    assert await attended(at_once(), leaves, timeout=5) == "done"

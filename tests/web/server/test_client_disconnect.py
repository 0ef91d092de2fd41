import asyncio

import pytest
from starlette.types import Message

from web.server.client_disconnect import ClientDisconnected, DisconnectWatcher, WorkTimedOut


async def receive_nothing() -> Message:
    """The channel of a client that waits."""
    await asyncio.Event().wait()
    raise AssertionError


async def receive_disconnect() -> Message:
    """The channel of a client that has disconnected."""
    return {"type": "http.disconnect"}


class Work:
    """Work that never finishes, and records its cancellation."""

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


async def test_returns_the_result_of_the_work() -> None:
    assert await DisconnectWatcher().run(asyncio.sleep(0, "done"), receive_nothing, timeout=5) == "done"


async def test_passes_on_exceptions_of_the_work() -> None:
    async def fails() -> None:
        raise KeyError("fault")

    with pytest.raises(KeyError, match="fault"):
        await DisconnectWatcher().run(fails(), receive_nothing, timeout=5)


async def test_cancels_the_work_when_the_client_disconnects() -> None:
    work = Work()
    with pytest.raises(ClientDisconnected):
        await DisconnectWatcher().run(work.do(), receive_disconnect, timeout=5)
    assert work.cancelled


async def test_cancels_the_work_at_the_timeout() -> None:
    work = Work()
    with pytest.raises(WorkTimedOut):
        await DisconnectWatcher().run(work.do(), receive_nothing, timeout=0.01)
    assert work.cancelled


async def test_cancels_the_work_when_it_is_cancelled_itself() -> None:
    work = Work()
    attending = asyncio.create_task(DisconnectWatcher().run(work.do(), receive_nothing, timeout=5))
    await work.begun.wait()
    attending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attending
    assert work.cancelled


async def test_short_work_is_not_watched() -> None:
    asked = False

    async def receive() -> Message:
        nonlocal asked
        asked = True
        return {"type": "http.disconnect"}

    assert await DisconnectWatcher().run(asyncio.sleep(0.001, "done"), receive, timeout=5) == "done"
    assert not asked


async def test_a_result_is_returned_even_if_the_client_disconnects() -> None:
    async def finish_immediately() -> str:
        return "done"

    assert await DisconnectWatcher().run(finish_immediately(), receive_disconnect, timeout=5) == "done"


async def test_a_cancellation_by_other_code_wins_over_a_disconnect() -> None:
    cleaning = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaning.set()
            await asyncio.sleep(0)

    attending = asyncio.create_task(DisconnectWatcher().run(work(), receive_disconnect, timeout=5))
    await cleaning.wait()
    attending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attending


async def test_a_result_of_cancelled_work_is_returned_and_the_task_is_not_left_cancelled() -> None:
    async def work() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "done"
        raise AssertionError

    assert await DisconnectWatcher().run(work(), receive_disconnect, timeout=5) == "done"
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_all_requests_share_one_timer_which_stops_without_requests() -> None:
    attending = DisconnectWatcher()
    clocks = set()

    async def work() -> None:
        clocks.add(attending._timer)
        await asyncio.sleep(0)

    await asyncio.gather(*(attending.run(work(), receive_nothing, timeout=5) for _ in range(20)))
    assert len(clocks) == 1
    attending._check_all()
    assert attending._timer is None

"""What a run waits for, and which exception it raises."""

from __future__ import annotations

import pytest

from engine.execution.batch_scheduler import BatchScheduler
from engine.execution.pending_work import PendingWork
from tests.engine.scripted_schema import ScriptedContext


def fail(text: str) -> None:
    raise RuntimeError(text)


async def fail_as_task(text: str) -> None:
    fail(text)


async def test_the_first_of_several_exceptions_is_raised() -> None:
    context = ScriptedContext()
    work = PendingWork(BatchScheduler(context.build_batch_context), context)
    work.begin()
    work.begin()
    work.run_as_task(fail_as_task("third"))
    work.end(lambda: fail("first"))
    work.end(lambda: fail("second"))
    with pytest.raises(RuntimeError, match="first"):
        await work.wait()


async def test_an_exception_of_a_task_is_raised_before_a_later_one() -> None:
    context = ScriptedContext()
    work = PendingWork(BatchScheduler(context.build_batch_context), context)
    work.begin()
    work.run_as_task(fail_as_task("first"))
    with pytest.raises(RuntimeError, match="first"):
        await work.wait()
    work.end(lambda: fail("second"))
    with pytest.raises(RuntimeError, match="first"):
        await work.wait()

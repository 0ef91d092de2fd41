from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPTIONS = (
    "-oasyncio_mode=auto",
    "-oasyncio_default_fixture_loop_scope=session",
    "-oasyncio_default_test_loop_scope=session",
)
TASK = """
    import asyncio

    async def fails():
        raise LookupError("lost")
"""


def outcomes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, code: str) -> dict[str, int]:
    """How the tests of a module ended, run by a pytest of their own with the plugin."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(code)
    run = pytester.runpytest_subprocess("-p", "tests.plugins.loop_errors", "-W", "error", *OPTIONS)
    return run.parseoutcomes()


def test_what_only_the_event_loop_hears_of_fails_the_test_in_which_it_happened(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        TASK
        + """
    async def test_task_that_no_code_awaits():
        await asyncio.wait([asyncio.create_task(fails())])

    async def test_task_in_a_reference_cycle():
        cycle = [asyncio.create_task(fails())]
        cycle.append(cycle)
        await asyncio.wait(cycle[:1])

    async def test_callback():
        asyncio.get_running_loop().call_soon(int, "no number")
        await asyncio.sleep(0)

    async def test_coroutine_that_was_never_awaited():
        fails()

    def test_loop_of_the_test():
        async def run():
            await asyncio.wait([asyncio.create_task(fails())])
        asyncio.run(run())

    async def test_awaited_error():
        try:
            await asyncio.create_task(fails())
        except LookupError:
            pass

    async def test_provoked(loop_errors):
        await asyncio.wait([asyncio.create_task(fails())])
        assert [str(each["exception"]) for each in loop_errors] == ["lost"]

    def test_that_follows():
        pass
"""
    )
    assert outcomes(pytester, monkeypatch, code) == {"passed": 3, "failed": 5}


def test_an_error_in_a_fixture_fails_the_test_that_used_it_last(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        TASK
        + """
    import pytest

    @pytest.fixture(scope="session")
    async def task():
        running = asyncio.create_task(fails())
        yield
        await asyncio.wait([running])

    def test_first(task):
        pass

    def test_last(task):
        pass
"""
    )
    assert outcomes(pytester, monkeypatch, code) == {"passed": 2, "errors": 1}

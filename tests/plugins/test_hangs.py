from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPTIONS = (
    "-p",
    "tests.plugins.hangs",
    "-oasyncio_mode=auto",
    "-oasyncio_default_fixture_loop_scope=session",
    "-ofaulthandler_timeout=2",
    "-ofaulthandler_exit_on_timeout=true",
)
HANGS = """
    import asyncio

    async def wait_for_a_reply(reply):
        await reply

    async def test_that_hangs():
        await wait_for_a_reply(asyncio.get_running_loop().create_future())

    def test_that_follows():
        pass
"""


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, code: str, *options: str) -> pytest.RunResult:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(code)
    return pytester.runpytest_subprocess(*OPTIONS, *options)


def test_a_test_that_hangs_says_what_its_tasks_await_and_ends_its_process(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, monkeypatch, HANGS)
    assert result.ret == 1
    result.stderr.fnmatch_lines(
        [
            "*::test_that_hangs has not ended within 1.9 s",
            "Task-* waits in *test_that_hangs (*.py:7) > wait_for_a_reply (*.py:4)",
            "the main thread is at *",
            "Timeout (0:00:02)!",
        ]
    )


def test_other_tests_run_in_another_process_after_one_that_hangs(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, monkeypatch, HANGS, "-n", "1")
    assert result.parseoutcomes() == {"passed": 1, "failed": 1}
    result.stdout.fnmatch_lines(["*worker 'gw0' crashed while running '*::test_that_hangs'*"])


def test_a_fixture_that_does_not_end_ends_its_process_too(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
    import asyncio
    import pytest

    @pytest.fixture
    async def server():
        yield
        await asyncio.Event().wait()

    async def test_of_the_server(server):
        pass
"""
    result = run(pytester, monkeypatch, code)
    assert result.ret == 1
    result.stderr.fnmatch_lines(
        ["*::test_of_the_server has not ended within 1.9 s", "Task-* waits in *server (*.py:7)*"]
    )


def test_a_test_that_ends_prints_nothing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(pytester, monkeypatch, "def test_quick(): pass", "-ofaulthandler_timeout=60")
    assert result.parseoutcomes() == {"passed": 1}
    assert result.stderr.str() == ""

"""The fork server runs commands in processes of their own and reports how each ended."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from sandbox.processes.forked_process import ForkedProcess, ForkServerError, run_fork_server
from tests.fakes.cancelling import cancel_at_any_moment
from tests.fakes.waiting import wait_until

PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from sandbox.processes import fork_server

def main(arguments):
    match arguments:
        case ["wait"]:
            print("waits", flush=True)
            signal.pause()
        case ["ignore"]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("waits", flush=True)
            while True: signal.pause()
        case ["error"]:
            raise ValueError("broken")
        case ["text"]:
            sys.exit("cannot start")
        case ["variable"]:
            print(os.environ.get("CITY"), len(os.environ), os.getsid(0) == os.getpid())
        case [code]:
            return int(code)

fork_server._GRACE_S = 0.2
fork_server.serve_forks(main)
"""
COMMAND = (sys.executable, "-c", PROGRAM, str(Path(__file__).parents[2]))


@pytest.fixture
async def address() -> AsyncIterator[str]:
    with TemporaryFile() as log:
        async with run_fork_server(COMMAND, log) as found:
            yield found


async def run(address: str, *arguments: str, **environment: str) -> tuple[int, str]:
    with TemporaryFile() as output:
        code = await (await ForkedProcess.start(address, arguments, environment, output)).wait()
        output.seek(0)
        return code, output.read().decode()


async def has_ended(pid: int) -> None:
    """Wait until there is no such process. Raises TimeoutError."""
    await wait_until(lambda: not Path(f"/proc/{pid}").exists())


async def test_commands_report_their_exit_code_and_output(address: str) -> None:
    assert await run(address, "0") == (0, "")
    assert await run(address, "7") == (7, "")
    assert await run(address, "text") == (1, "cannot start\n")
    code, output = await run(address, "error")
    assert code == 1
    assert output.endswith("ValueError: broken\n")


async def test_a_command_has_its_own_environment_and_session(address: str) -> None:
    assert await run(address, "variable", CITY="jakarta") == (0, "jakarta 1 True\n")


async def test_a_signal_is_a_negative_exit_code_and_other_commands_stay(address: str) -> None:
    with TemporaryFile() as output:
        first, second = [await ForkedProcess.start(address, ["wait"], {}, output) for _ in range(2)]
        os.kill(first.pid, signal.SIGKILL)
        assert await first.wait() == -signal.SIGKILL
        assert first.returncode == -signal.SIGKILL
        assert second.returncode is None
        second.terminate()
        assert await second.wait() == -signal.SIGTERM


@pytest.mark.parametrize("command", ["wait", "ignore"])
async def test_a_client_that_disconnects_ends_its_command(address: str, command: str) -> None:
    with TemporaryFile() as output, socket.socket(socket.AF_UNIX) as client:
        client.connect(address)
        line = f'{{"arguments": ["{command}"], "environment": {{}}}}\n'
        socket.send_fds(client, [line.encode()], [output.fileno(), output.fileno()])
        pid = int(client.recv(100))
        await wait_until(lambda: os.fstat(output.fileno()).st_size > 0)
        client.close()
        await has_ended(pid)
    assert await run(address, "7") == (7, "")


async def test_a_client_without_a_request_stops_no_other(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(address)
    assert await run(address, "7") == (7, "")


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux")
async def test_commands_end_with_a_server_that_is_killed() -> None:
    server = await asyncio.create_subprocess_exec(
        *COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    address = (await server.stdout.readline()).decode().strip()
    with TemporaryFile() as output:
        command = await ForkedProcess.start(address, ["wait"], {}, output)
        await wait_until(lambda: os.fstat(output.fileno()).st_size > 0)
        server.kill()
        await server.wait()
        assert await command.wait() == -signal.SIGTERM
        await has_ended(command.pid)
        with pytest.raises(ForkServerError, match=r"^the process that forks agencies does not answer: "):
            await ForkedProcess.start(address, ["wait"], {}, output)
    await asyncio.to_thread(shutil.rmtree, os.path.dirname(address))  # noqa: PTH120 - in an async function


async def test_a_server_that_ends_removes_its_folder() -> None:
    with TemporaryFile() as log:
        async with run_fork_server(COMMAND, log) as address:
            folder = os.path.dirname(address)  # noqa: PTH120 - in an async function
            assert os.listdir(folder) == ["socket"]  # noqa: PTH208 - as above
    assert not os.access(folder, os.F_OK)


async def test_a_program_that_does_not_start_is_named() -> None:
    with pytest.raises(ForkServerError, match=r"^false did not start$"), TemporaryFile() as log:
        async with run_fork_server(("false",), log):
            pass


async def test_a_command_whose_start_is_cancelled_at_any_moment_ends() -> None:
    with TemporaryFile() as log, TemporaryFile() as output:
        async with run_fork_server(COMMAND, log) as address:
            start = partial(ForkedProcess.start, address, ["wait"], {}, output)
            started = await cancel_at_any_moment(lambda: asyncio.create_task(start()))
            started.terminate()
        # The server ends with its last command.

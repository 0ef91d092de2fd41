"""The sandbox city starts, watches and stops its agencies as real processes."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from sandbox.city import CityError, ProcessState, SandboxCity, StateChange
from sandbox.city_control import NoCityError, control_city, serve_city_control
from sandbox.state_folder import StateError, is_free
from tests.fakes.waiting import block_until, wait_until

SMALL = (sys.executable, str(Path(__file__).with_name("small_agency.py")))
TWO = ("pbb", "crm")


@pytest.fixture
def state() -> Iterator[Path]:
    with TemporaryDirectory(prefix="simpul city ", dir="/tmp") as folder:
        yield Path(folder)


def build_city(state: Path, changes: list[StateChange] | None = None) -> SandboxCity:
    tell = (lambda _: None) if changes is None else changes.append
    return SandboxCity(state, agencies=TWO, program=SMALL, latency=False, on_change=tell)


def is_running(pid: int | None) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


async def ask_agency(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


def read_health(control_port: int) -> Any:  # noqa: ANN401 - JSON
    with urllib.request.urlopen(f"http://127.0.0.1:{control_port}/health", timeout=10) as answer:
        return json.load(answer)


async def test_every_agency_runs_inside_the_block_and_none_after_it(state: Path) -> None:
    async with build_city(state) as running:
        pids = [agency.pid for agency in running.agencies.values()]
        assert [agency.state for agency in running.agencies.values()] == [ProcessState.RUNNING] * 2
        assert all(is_running(pid) for pid in pids)
        assert len(set(pids)) == 2
    assert not any(is_running(pid) for pid in pids)


async def test_an_agency_whose_chosen_port_was_taken_starts_on_another(state: Path) -> None:
    with socket.socket() as other:

        def take_port(change: StateChange) -> None:
            """What a program does that starts between the choice of the port and its use."""
            if change.agency == "pbb" and change.state is ProcessState.STARTING and other.getsockname()[1] == 0:
                other.bind(("127.0.0.1", city.agencies["pbb"].control_port))
                other.listen()

        city = SandboxCity(state, agencies=TWO, program=SMALL, latency=False, on_change=take_port)
        async with city as running:
            agency = running.agencies["pbb"]
            assert agency.state is ProcessState.RUNNING
            assert agency.control_port != other.getsockname()[1]
            assert agency.control_port == running.folder.known_port("pbb.control")


async def test_an_agency_of_another_city_that_took_the_port_is_not_taken_for_ours(state: Path) -> None:
    others: list[subprocess.Popen[bytes]] = []

    def start_other(change: StateChange) -> None:
        """What another city does that starts between the choice of the port and its use."""
        if change.agency == "pbb" and change.state is ProcessState.STARTING and not others:
            port = city.agencies["pbb"].control_port
            command = [*SMALL, "pbb", "--state", "/another/city", "--control-port", str(port)]
            others.append(subprocess.Popen(command))  # noqa: S603 - our own program
            block_until(lambda: not is_free(port), "it listens")

    city = SandboxCity(state, agencies=TWO, program=SMALL, latency=False, on_change=start_other)
    try:
        async with city as running:
            agency = running.agencies["pbb"]
            assert agency.state is ProcessState.RUNNING
            assert is_running(agency.pid)
            answered = await asyncio.to_thread(read_health, agency.control_port)
            assert answered["state"] == str(running.folder.folder("agencies", "pbb").resolve())
    finally:
        for other in others:
            other.kill()
            other.wait()


async def test_an_agency_gets_its_credential_and_latency_by_environment(state: Path) -> None:
    async with build_city(state) as running:
        pbb = running.agencies["pbb"]
        answer = await ask_agency(pbb.control_port)
    assert '"SANDBOX_USER": "simpul_pbb"' in answer
    assert f'"SANDBOX_SECRET": "{pbb.secret}"' in answer
    assert '"SANDBOX_LATENCY": "off"' in answer
    assert '"SANDBOX_TODAY": "2026-11-01"' in answer


async def test_the_next_start_uses_the_same_ports_and_credentials_readable_only_by_the_owner(state: Path) -> None:
    async with build_city(state) as running:
        first = [(a.port, a.control_port, a.user, a.secret) for a in running.agencies.values()]
    async with build_city(state) as running:
        assert [(a.port, a.control_port, a.user, a.secret) for a in running.agencies.values()] == first
    assert (state / "secrets.json").stat().st_mode & 0o777 == 0o600


async def test_a_taken_port_is_replaced_and_the_others_stay(state: Path) -> None:
    async with build_city(state) as running:
        before = {agency.name: agency.control_port for agency in running.agencies.values()}
    other_program = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", before["pbb"])
    async with other_program, build_city(state) as running:
        assert running.agencies["pbb"].control_port != before["pbb"]
        assert running.agencies["crm"].control_port == before["crm"]


async def test_an_agency_that_cannot_start_stops_all_and_is_named_with_its_last_line(state: Path) -> None:
    changes: list[StateChange] = []
    (state / "agencies" / "crm").mkdir(parents=True)
    (state / "agencies" / "crm" / "broken").touch()
    broken = build_city(state, changes)
    with pytest.raises(
        CityError, match=r"^crm did not start: sandbox: crm misses its table of streets; restore it\. \(log:"
    ):
        await broken.__aenter__()
    assert [agency.pid for agency in broken.agencies.values()] == [None, None]
    async with asyncio.timeout(5):  # and the folder is free again
        (state / "agencies" / "crm" / "broken").unlink()
        async with build_city(state):
            pass


async def test_a_killed_agency_is_reported_and_the_others_stay(state: Path) -> None:
    changes: list[StateChange] = []
    async with build_city(state, changes) as running:
        pid = running.agencies["pbb"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await wait_until(lambda: running.agencies["pbb"].state is ProcessState.DIED)
        assert changes[-1] == StateChange("pbb", ProcessState.DIED, "signal 9")
        assert is_running(running.agencies["crm"].pid)
        await running.start("pbb")
        assert running.agencies["pbb"].state is ProcessState.RUNNING


async def test_an_agency_stops_and_starts_again_on_its_port(state: Path) -> None:
    changes: list[StateChange] = []
    async with build_city(state, changes) as running:
        pid, port = running.agencies["pbb"].pid, running.agencies["pbb"].control_port
        await running.stop("pbb")
        assert not is_running(pid)
        assert running.agencies["pbb"].pid is None
        await running.start("pbb")
        assert "200" in await ask_agency(port)
    kinds = [change.state.value for change in changes if change.agency == "pbb"]
    assert kinds == ["starting", "running", "stopped", "starting", "running", "stopped"]


async def test_an_agency_that_ignores_sigterm_is_killed(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.processes.agency_process.AgencyProcess.stop.__defaults__", (0.2,))
    (state / "agencies" / "pbb").mkdir(parents=True)
    (state / "agencies" / "pbb" / "deaf").touch()
    async with build_city(state) as running:
        pid = running.agencies["pbb"].pid
    assert not is_running(pid)


async def test_a_second_city_on_the_same_folder_is_refused_with_the_holder(state: Path) -> None:
    async with build_city(state):
        with pytest.raises(StateError, match=rf"already runs on {state} \(process {os.getpid()}\)"):
            await build_city(state).__aenter__()


async def test_an_unknown_agency_is_refused_with_the_known_ones(state: Path) -> None:
    async with build_city(state) as running:
        with pytest.raises(CityError, match=r"^'pajak' is not an agency of the sandbox city: choose one of pbb, crm$"):
            await running.stop("pajak")


async def test_another_process_can_stop_start_and_list_agencies(state: Path) -> None:
    async with build_city(state) as running, serve_city_control(running):
        listed = await asyncio.to_thread(control_city, state, "stop", "pbb")
        assert [(one["name"], one["state"]) for one in listed] == [("pbb", "stopped"), ("crm", "running")]
        listed = await asyncio.to_thread(control_city, state, "start", "pbb")
        assert [one["pid"] for one in listed] == [agency.pid for agency in running.agencies.values()]
        with pytest.raises(CityError, match="'pajak' is not an agency"):
            await asyncio.to_thread(control_city, state, "start", "pajak")


async def test_without_the_secret_control_is_refused(state: Path) -> None:
    async with build_city(state) as running, serve_city_control(running):
        port = running.folder.known_port("control")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b'{"secret": "guessed", "verb": "stop", "agency": "pbb"}\n')
        assert await reader.readline() == b'{"error": "refused"}\n'
        writer.close()
        await writer.wait_closed()
        assert running.agencies["pbb"].state is ProcessState.RUNNING


def test_control_without_a_running_city_names_how_to_start_one(state: Path) -> None:
    with pytest.raises(NoCityError, match=r"no sandbox city runs on .*: start it with `make serve`"):
        control_city(state, "state")


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux")
async def test_agencies_end_when_the_process_of_the_city_is_killed(state: Path) -> None:
    program = f"""
import asyncio, sys
from pathlib import Path
from sandbox.city import SandboxCity
async def main():
    async with SandboxCity(Path({str(state)!r}), agencies={TWO!r}, program={SMALL!r}) as city:
        print(*(agency.pid for agency in city.agencies.values()), flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pids = [int(word) for word in (await process.stdout.readline()).split()]
    assert len(pids) == 2
    assert all(is_running(pid) for pid in pids)
    process.kill()
    await process.wait()
    await wait_until(lambda: not any(is_running(pid) for pid in pids))

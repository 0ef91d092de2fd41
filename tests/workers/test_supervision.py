"""One hub of two workers through its failures: invalid reloads, and workers and processes that die."""

from __future__ import annotations

import asyncio
import os
import queue
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command_line import run_simpul, temporary_state_folder
from tests.fakes.waiting import block_until
from tests.journeys.hub_process import CITIZEN, PERSONAL
from tests.sandbox_agencies import ROOT, free_port
from tests.workers.load_generator import LoadGenerator
from tests.workers.production import Production, prepare_production, wait_until_gone


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


class FakeSystemd:
    """The receiving end of systemd's notification socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._messages: queue.Queue[str] = queue.Queue()
        self.alive = 0
        """Watchdog messages."""
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def read_message(self) -> str:
        """The next message, without watchdog messages."""
        return self._messages.get(timeout=60)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))
        self._listening.join()
        self._socket.close()

    def _listen(self) -> None:
        while message := self._socket.recv(1024).decode():
            if message == "WATCHDOG=1":
                self.alive += 1
            else:
                self._messages.put(message)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_state_folder() as folder:
        folder.mkdir(parents=True)
        yield folder


@pytest.fixture(scope="module")
def systemd(folder: Path) -> Iterator[FakeSystemd]:
    systemd = FakeSystemd(folder / "notify")
    yield systemd
    systemd.close()


@pytest.fixture(scope="module")
def hub(folder: Path, systemd: FakeSystemd) -> Iterator[Production]:
    with prepare_production(folder) as hub:
        hub.extra_environment = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "200000"}
        contracts = folder / "contracts.toml"
        contracts.write_bytes((ROOT / "sandbox" / "contracts.toml").read_bytes())
        hub.write_settings(SIMPUL_CONTRACTS=str(contracts), SIMPUL_RUN_FOLDER=str(folder / "run"))
        hub.start()
        yield hub


async def check_answers(hub: Production, times: int = 20) -> None:
    """Asserts that the hub answers over new connections, from any worker."""
    callers = LoadGenerator(hub.port, PERSONAL, hub.headers(CITIZEN))
    async with callers.run_load(keep_alive=0, reconnecting=4, pause=0) as load:
        while load.answered < times and not load.failures:  # noqa: ASYNC110 - callers set no event
            await asyncio.sleep(0.01)
    assert load.failures == []


async def test_systemd_is_notified_when_workers_serve_and_by_the_watchdog(
    hub: Production, systemd: FakeSystemd
) -> None:
    assert systemd.read_message() == "READY=1\nSTATUS=2 workers serve"
    assert "SIMPUL_REDIS_URL is not set: each of 2 workers has its own rate limits" in hub.read_output
    await check_answers(hub)
    assert (hub.folder / "run" / ".simpul-run").exists()


def test_a_good_reload_is_reported_from_start_to_end(hub: Production, systemd: FakeSystemd) -> None:
    hub.signal(signal.SIGHUP)
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=Reloading", systemd.read_message())
    assert systemd.read_message() == "READY=1\nSTATUS=2 workers serve"
    assert systemd.alive > 0
    block_until(lambda: len(hub.workers) == 2, "the old workers gone")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SIMPUL_REQEST_TIMEOUT": "9"}, "SIMPUL_REQEST_TIMEOUT is not a setting of the hub"),
        (
            {"SIMPUL_LISTEN": "nine"},
            "SIMPUL_LISTEN=nine is not an address: write an IP address and a port from 1 to 65535",
        ),
        (
            {"SIMPUL_LISTEN": "127.0.0.1:9"},
            "SIMPUL_LISTEN changed from 127.0.0.1:[0-9]+ to 127.0.0.1:9: restart the hub",
        ),
        (
            {"SIMPUL_ISSUER_KEYS": "/run/keys.json"},
            "SIMPUL_ISSUER_KEYS: the private key of the development",
        ),
        ({"SIMPUL_STATE_URL": "postgresql://a:secret-word@127.0.0.1:9/x"}, "a worker could not start: .*refused"),
    ],
)
async def test_an_invalid_reload_is_refused_and_the_same_workers_keep_serving(
    hub: Production, systemd: FakeSystemd, changed: dict[str, str | None], said: str
) -> None:
    before, workers = dict(hub.file_settings), hub.workers
    refusals = hub.read_output.count("Reload refused")
    hub.write_settings(**changed)
    try:
        hub.signal(signal.SIGHUP)
        hub.wait_for("Reload refused", refusals + 1)
    finally:
        hub.file_settings = before
        hub.write_settings()
    assert re.search(
        f"ERROR simpul.hub Reload refused: .*{said}.* The hub keeps its settings and workers", hub.read_output
    )
    assert ".. The hub" not in hub.read_output
    assert "secret-word" not in hub.read_output
    assert systemd.read_message().startswith("RELOADING=1\n")
    assert systemd.read_message() == "READY=1\nSTATUS=2 workers serve; the last reload was refused, see the log"
    assert hub.workers == workers
    await check_answers(hub)


async def test_a_worker_that_dies_after_a_refused_reload_restarts_with_its_old_settings(hub: Production) -> None:
    contracts = hub.folder / "contracts.toml"
    good = contracts.read_text()
    refusals = hub.read_output.count("Reload refused")
    contracts.write_text("this is no TOML")
    hub.signal(signal.SIGHUP)
    hub.wait_for("Reload refused", refusals + 1)
    killed, serving = hub.workers[0], hub.read_output.count(" serves (process")
    os.kill(killed, signal.SIGKILL)
    hub.wait_for(" serves (process", serving + 1)
    assert re.search(
        rf"ERROR simpul.hub Worker \d \(process {killed}\) ended: signal 9\. Another one starts", hub.read_output
    )
    assert len(hub.workers) == 2
    await check_answers(hub)
    contracts.write_text(good)


async def test_a_hanging_worker_is_killed_and_replaced(hub: Production) -> None:
    os.kill(hub.workers[0], signal.SIGSTOP)
    try:
        await check_answers(hub)
    finally:
        os.kill(hub.workers[0], signal.SIGCONT)


async def test_workers_without_their_pool_process_serve_until_they_are_replaced(hub: Production) -> None:
    workers = hub.workers
    parent = parent_of(workers[0])
    callers = LoadGenerator(hub.port, PERSONAL, hub.headers(CITIZEN))
    async with callers.run_load(keep_alive=4, reconnecting=2, pause=0.1) as load:
        os.kill(parent, signal.SIGKILL)
        await asyncio.to_thread(hub.wait_for, "lost its process")
        for each in workers:
            await asyncio.to_thread(wait_until_gone, each)
        await asyncio.to_thread(block_until, lambda: len(hub.workers) == 2, "two new workers")
    assert load.failures == []


def test_no_process_outlives_a_supervisor_that_is_killed(hub: Production) -> None:
    assert len(hub.descendants()) == 3
    hub.kill_supervisor()
    block_until(lambda: hub.find_survivors() == set(), "every process gone")


def test_invalid_settings_at_the_start_end_the_command_with_one_line() -> None:
    with temporary_state_folder() as state:
        outcome = run_simpul(state, "hub", SIMPUL_LISTEN=f"127.0.0.1:{free_port()}")
    assert outcome.returncode == 1
    assert re.fullmatch(
        r"simpul: the hub does not start: the hub's settings are not complete: not set: SIMPUL_SECRET, [^\n]+\n",
        outcome.stderr,
    )


def test_workers_that_cannot_start_end_the_command_with_one_line(hub: Production) -> None:
    given = hub.file_settings | {
        "SIMPUL_LISTEN": f"127.0.0.1:{free_port()}",
        "SIMPUL_STATE_URL": "postgresql://a:secret-word@127.0.0.1:9/x",
    }
    with temporary_state_folder() as state:
        outcome = run_simpul(state, "hub", **{**given, "SIMPUL_RUN_FOLDER": ""})
    assert outcome.returncode == 1
    assert re.search(r"^simpul: the hub does not start: [^\n]*refused[^\n]*\n\Z", outcome.stderr, re.MULTILINE)
    assert "secret-word" not in outcome.stderr
    assert "Traceback" not in outcome.stderr

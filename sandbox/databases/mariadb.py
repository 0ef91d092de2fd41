"""Runs one MariaDB server in its own folder, from the system's binaries if they are installed."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.databases.server import ROOTLESS_USER, give_ownership, make_searchable
from sandbox.processes.parent_death_signal import with_parent_death_signal
from sandbox.programs import find_program

# Small, without network; it uses only its own folder and socket.
_SETTINGS = (
    "--skip-networking",
    "--skip-ssl",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--performance-schema=off",
    "--character-set-server=utf8mb4",
    "--innodb-buffer-pool-size=16M",
    "--innodb-flush-log-at-trx-commit=2",
    *(_FILES := ("--innodb-log-file-size=8M", "--innodb-temp-data-file-path=ibtmp1:2M:autoextend")),
)


class MariaDbError(Exception):
    """The server cannot be prepared or started; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class MariaDbPrograms:
    """The two programs of an installed MariaDB server."""

    server: Path
    install: Path


def installed_mariadb() -> MariaDbPrograms | None:
    """MariaDB's server programs; None if not installed, or excluded by `SIMPUL_WITHOUT`."""
    server, install = find_program("mariadbd"), find_program("mariadb-install-db")
    return MariaDbPrograms(server, install) if server and install else None


class MariaDb:
    """A server on a unix socket only, with its data in `folder`: `start` it, later `stop` it.

    It ends with this process, however that ends (Linux).
    """

    def __init__(self, programs: MariaDbPrograms, folder: Path, socket: Path, *, settings: Sequence[str] = ()) -> None:
        """`settings` are server options; they override the defaults of sandbox servers."""
        self.socket = socket
        self._settings = tuple(settings)
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "mariadb.log"
        self._temporary = folder / "temporary"
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        """The state for debugging."""
        return f"<MariaDb in {self._folder} pid={self.pid}>"

    @property
    def pid(self) -> int:
        """Process id of the server; 0 before it was started."""
        return self._process.pid if self._process else 0

    async def start(self, statements: Sequence[str], within_s: float = 20) -> None:
        """Start the server and return when it answers and `statements` have run. Raises `MariaDbError`."""
        await asyncio.to_thread(self._prepare)
        with self._start_file(statements) as start_file:
            self._launch(start_file)
            until = time.monotonic() + within_s
            while not await _is_answering(self.socket):
                if self._process is None or self._process.poll() is not None or time.monotonic() > until:
                    raise MariaDbError(f"MariaDB did not start: {self._last_error()}")
                await asyncio.sleep(0.02)

    def stop(self, within_s: float = 2) -> None:
        """Stop the server; kill it after `within_s` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _prepare(self) -> None:
        """Create the data folder if missing; it gets its final name only when it is complete."""
        make_searchable(self._folder)
        # A server removes the temporary tables in its folder when it starts. In a shared one, such as /tmp, these may
        # be those of another server, which then fails.
        self._temporary.mkdir(exist_ok=True)
        give_ownership(self._temporary)
        self._await_predecessor()
        if self._data.exists():
            return
        unfinished = self._folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        options = [f"--datadir={unfinished}", "--auth-root-authentication-method=normal", "--skip-test-db"]
        command = [str(self._programs.install), "--no-defaults", "--skip-name-resolve", *options, *_FILES]
        outcome = subprocess.run(  # noqa: S603 - the system's own program, no shell
            with_parent_death_signal(command, ending=signal.SIGKILL, user=_user()),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=_build_environment(self._temporary),
            cwd="/",
            timeout=60,
            check=False,
        )
        if outcome.returncode != 0:
            raise MariaDbError(f"mariadb-install-db failed: {_error_line(outcome.stdout + outcome.stderr)}")
        unfinished.rename(self._data)

    def _await_predecessor(self, within_s: float = 3) -> None:
        """Wait for the end of a server whose starter was killed: InnoDB would wait for its locks much longer."""
        with suppress(OSError, ValueError):  # no file, no number, no such process, or another user's
            pid, until = int((self._folder / "mariadb.pid").read_text()), time.monotonic() + within_s
            while time.monotonic() < until:
                os.kill(pid, 0)
                time.sleep(0.02)

    def _launch(self, start_file: Path) -> None:
        """Start the process, on a thread that lives as long as the server."""
        places = [f"--datadir={self._data}", f"--socket={self.socket}", f"--pid-file={self._folder / 'mariadb.pid'}"]
        command = [str(self._programs.server), "--no-defaults", *places, f"--init-file={start_file}", *_SETTINGS]
        command += self._settings
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the system's own program, no shell
                # SIGKILL: InnoDB recovers, while an orderly shutdown could still hold the folder at the next start.
                with_parent_death_signal(command, ending=signal.SIGKILL, user=_user()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_build_environment(self._temporary),
                cwd="/",
                start_new_session=True,  # Ctrl-C reaches only the agency, which stops this server in order
            )

    @contextmanager
    def _start_file(self, statements: Sequence[str]) -> Iterator[Path]:
        """The statements, one per line, in a file that only the server can read; deleted after use."""
        path = self._folder / "start.sql"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{statement};\n" for statement in statements)
        give_ownership(path)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _last_error(self) -> str:
        return _error_line(self._log.read_text(errors="replace")) if self._log.exists() else "no output"


def quote_literal(text: str) -> str:
    """A text as an SQL literal of MariaDB."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _user() -> str | None:
    return ROOTLESS_USER if os.geteuid() == 0 else None


def _build_environment(temporary: Path) -> Mapping[str, str]:
    """An environment without the caller's settings: English messages, and a folder for temporary tables."""
    return {
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/", "TMPDIR": str(temporary),
    }  # fmt: skip


def _error_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no output"]
    return next((line for line in lines if "[ERROR]" in line or "FATAL" in line), lines[-1])


async def _is_answering(socket: Path) -> bool:
    """Whether a server answers on the socket; MariaDB does so only after its start file has run."""
    with suppress(OSError):
        reader, writer = await asyncio.open_unix_connection(str(socket))
        try:
            return len(await reader.read(1)) == 1
        finally:
            writer.close()
    return False

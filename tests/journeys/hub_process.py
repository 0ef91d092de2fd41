"""A hub in a separate process, which can be killed, without agencies."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
from sqlalchemy import text

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import LIFETIME
from records.identifiers import Nik
from sandbox.databases.postgres import Postgres
from store.database import create_database_engine
from tests.cli.command_line import is_alive
from tests.cli.preloaded import Forked, get_preloaded_interpreter
from tests.fakes.city import VARIABLES
from tests.fakes.issuers.bound_issuer import build_bound_issuer
from tests.fakes.waiting import block_until
from tests.journeys.hub import KILL_SAFE
from tests.sandbox_agencies import HOST, free_port

SECRET = b"l" * 32
SITI = Nik("3171014506909001")
CITIZEN = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI)
PERSONAL = {"query": "query Mine { me { nik } }"}
PUBLIC = {"query": '{ region(code: "31") { code } }'}
_READY_WITHIN_S = 60


class HubProcess:
    """The hub, its database, and a caller."""

    def __init__(self, folder: Path, variables: Mapping[str, str] = MappingProxyType({})) -> None:
        """Nothing runs yet. `variables` are added to its environment."""
        self._variables = variables
        self._folder = folder
        self._issuer = build_bound_issuer(folder)
        self.postgres = Postgres(
            folder / "state", port=free_port(), database="simpul", logins={"simpul": "rahasia"}, settings=KILL_SAFE
        )
        self.port = free_port()
        self.state_url = f"postgresql://simpul:rahasia@{HOST}:{self.postgres.port}/simpul"
        self.process: Forked | subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the hub and the command line."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_") and name != "PORT"}
        return own | {
            "SIMPUL_STATE": str(self._folder / "folder"),
            "SIMPUL_SECRET": base64.b64encode(SECRET).decode(),
            "SIMPUL_ISSUERS": str(self._folder / "issuers.json"),
            "SIMPUL_STATE_URL": self.state_url,
            "SIMPUL_LEDGER_TIMEOUT": "1",
            "SIMPUL_SNAPSHOT_FOLDER": str(self._folder / "snapshots"),
            **VARIABLES,
            **self._variables,
        }

    @property
    def read_output(self) -> str:
        """What it wrote."""
        return (self._folder / "hub.log").read_text(errors="replace")

    def start(self) -> None:
        """Start the hub; returns when it answers."""
        until = time.monotonic() + _READY_WITHIN_S
        self._launch()
        while "Simpul is ready" not in self.read_output:
            if "is taken by another program" in self.read_output:  # between the choice of the port and this start
                self.kill()
                self.port = free_port()
                self._launch()
            assert self.process is None or self.process.poll() is None, self.read_output
            assert time.monotonic() < until, self.read_output
            time.sleep(0.05)

    def _launch(self) -> None:
        command = ["serve", "--no-sandbox", "--port", str(self.port)]
        with (self._folder / "hub.log").open("ab") as log:
            self.process = get_preloaded_interpreter().launch(command, self.environment, out=log, err=log)

    def kill(self) -> None:
        """End the hub as a crash would (SIGKILL)."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            (self._folder / "hub.log").unlink()

    def kill_database(self) -> None:
        """End PostgreSQL as a crash does: all of its processes together."""
        pid = self.postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # so that it starts no process after they were listed
        children = [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        for each in [pid, *children]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.postgres.stop()
        # A process that has not ended yet holds the shared memory, without which the next server does not start.
        block_until(lambda: not any(map(is_alive, children)), "all processes of PostgreSQL have ended")

    def sign_token(self, caller: Caller, lifetime: timedelta = LIFETIME) -> str:
        """The token of a caller."""
        return self._issuer.sign_token(
            caller, subject=caller.nik or f"{caller.kind.value} {caller.agency}", lifetime=lifetime
        )

    @contextlib.asynccontextmanager
    async def client(self, caller: Caller = CITIZEN, **more: str) -> AsyncIterator[aiohttp.ClientSession]:
        """A client with the token of a caller, Siti by default, and further headers."""
        async with self.stranger(**{"Authorization": f"Bearer {self.sign_token(caller)}", **more}) as session:
            yield session

    @contextlib.asynccontextmanager
    async def stranger(self, **headers: str) -> AsyncIterator[aiohttp.ClientSession]:
        """A client without a token."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(f"http://{HOST}:{self.port}", headers=headers, connector=connector) as session:
            yield session

    async def load_recorded(self) -> set[str]:
        """The requests that have an entry."""
        engine = create_database_engine(self.state_url)
        try:
            async with engine.connect() as connection:
                return set((await connection.execute(text("SELECT request_id FROM access_entries"))).scalars())
        finally:
            await engine.dispose()


async def ask(session: aiohttp.ClientSession, body: dict[str, Any], request_id: str = "r-of-a-test") -> Any:  # noqa: ANN401 - JSON
    """One answer."""
    async with session.post("/graphql", json=body, headers={"X-Request-Id": request_id}) as response:
        return await response.json()

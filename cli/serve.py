"""`simpul serve`: the sandbox city, the hub's own database server and the hub, started and ended as one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer
import uvloop
from rich.console import Console

import server
from cli.greeting import greeting
from cli.hub import Hub, reserved
from cli.hub_settings import hub_settings
from cli.hub_state import hub_state
from cli.place import state_folder
from cli.sample_callers import development_issuer, sample_callers, token_of
from sandbox.city import AgencyState, Change, City
from sandbox.state_folder import LOOPBACK, StateFolder
from sandbox.steering import steered
from web.graphiql import SamplePerson
from web.serving import uvicorn_config

DEFAULT_PORT = 8000
GRACE = 3  # seconds that answers in flight get at the end
INTERRUPTED = 130


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    *,
    port: Annotated[
        int, typer.Option(envvar=["PORT", "SIMPUL_PORT"], min=1, max=65535, help="Where the hub listens (loopback).")
    ] = DEFAULT_PORT,
    sandbox: Annotated[
        bool, typer.Option("--sandbox/--no-sandbox", help="Without it the agencies come from SIMPUL_... settings.")
    ] = True,
    latency: Annotated[
        bool, typer.Option("--latency/--no-latency", help="Whether the sandbox imitates how long agencies take.")
    ] = True,
) -> None:
    """Run the sandbox city and the hub until Ctrl-C."""
    try:
        uvloop.run(Run(port=port, sandbox=sandbox, latency=latency).until_stopped())
    except asyncio.CancelledError:
        sys.exit(INTERRUPTED)


class Run:
    """One run of the city and the hub, from the first sign on the console to the last."""

    def __init__(self, *, port: int, sandbox: bool, latency: bool) -> None:
        self._began = time.monotonic()
        self._port = port
        self._sandbox = sandbox
        self._latency = latency
        self._console = Console(highlight=False, soft_wrap=True)
        self._status = self._console.status("Starting ...")
        self._waiting: set[str] = set()
        self._serving = False
        self._hub: Hub | None = None

    async def until_stopped(self) -> None:
        """Start everything, serve, end everything. Raises what a part that cannot start raises."""
        with self._signals(), reserved(self._port) as listener:
            async with contextlib.AsyncExitStack() as stack:
                self._status.start()
                stack.callback(self._status.stop)
                await self._behind_the_hub(stack, state_folder())
                self._hub = await self._made_hub(state_folder())
                await self._hub.serve([listener])
                self._serving = False
                self._console.print("Stopping ...")
            self._console.print("Stopped.")

    async def _behind_the_hub(self, stack: contextlib.AsyncExitStack, folder: StateFolder) -> None:
        """The agencies and the database server, for as long as the stack stands."""
        if self._sandbox:
            city = City(folder.path, latency=self._latency, tell=self._tell)
            await stack.enter_async_context(city)
            await stack.enter_async_context(steered(city))
        else:
            stack.enter_context(folder.locked())
        if "SIMPUL_STATE_URL" not in os.environ:
            await stack.enter_async_context(hub_state(folder, self._warn))

    async def _made_hub(self, folder: StateFolder) -> Hub:
        issuer = development_issuer(folder) if self._sandbox else None

        async def sample_people() -> list[SamplePerson]:
            """Whom a developer may ask as in GraphiQL, with fresh tokens at every look."""
            if issuer is None:
                return []
            return [
                SamplePerson(name=one.name, title=one.title, description=one.description, token=token_of(issuer, one))
                for one in sample_callers().values()
            ]

        settings = await asyncio.to_thread(hub_settings, folder, port=self._port, sandbox=self._sandbox)
        app = server.create_app(settings, sample_people=sample_people if issuer else None)
        config = uvicorn_config(app, LOOPBACK, self._port, settings.web)
        config.timeout_graceful_shutdown = GRACE
        return Hub(config, self._greet)

    def _greet(self) -> None:
        self._status.stop()
        self._serving = True
        self._console.print(greeting(self._port, time.monotonic() - self._began, sandbox=self._sandbox))

    def _tell(self, change: Change) -> None:
        """Show what became of an agency: while starting in the status line, later in lines of their own."""
        (self._waiting.add if change.state is AgencyState.STARTING else self._waiting.discard)(change.agency)
        if not self._serving:
            waiting = (
                f"the sandbox city (waiting for {', '.join(sorted(self._waiting))})" if self._waiting else "the hub"
            )
            self._status.update(f"Starting {waiting} ...")
        elif change.state is AgencyState.DIED:
            mend = f".venv/bin/simpul sandbox start {change.agency}"
            self._warn(f"{change.agency} ended ({change.detail}): what it holds is missing from answers until {mend}")
        elif change.state is not AgencyState.STARTING:
            self._console.print(f"{change.agency} is {change.state.value}.")

    def _warn(self, text: str) -> None:
        self._console.print(text, style="yellow", markup=False)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """The first signal ends everything in order, a second does not wait for answers in flight."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop() -> None:
            if self._hub is not None:
                self._hub.end()
            elif task is not None:
                task.cancel()

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, stop)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

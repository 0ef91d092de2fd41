"""`simpul serve`: the sandbox city, the hub's own database server and the hub, started and ended as one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from cli.failure import Failure
from cli.greeting import greeting
from cli.hub_state import hub_state
from cli.place import state_folder
from cli.reserved_port import reserved
from sandbox.agency import ISSUER
from sandbox.city import AgencyState, Change, City
from sandbox.state_folder import StateFolder
from sandbox.steering import steered
from web.http_server import Farewell, HttpServer, NotStarted
from web.serving import settle_memory

DEFAULT_PORT = 8000
HIGHEST_PORT = 65535
INTERRUPTED = 130
FAREWELL = Farewell(patience=3, linger=0.3)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    *,
    port: Annotated[
        int, typer.Option(envvar="PORT", parser=_port, help="Where the hub listens (loopback).")
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


def _port(given: str | int) -> int:
    text = str(given)  # the default comes as a number
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= HIGHEST_PORT:
        return int(text)
    raise Failure(f"PORT={text} is no port: choose a number from 1 to {HIGHEST_PORT}, such as PORT={DEFAULT_PORT}")


def _refuse_a_second_one(folder: StateFolder) -> None:
    """Raise StateError where the folder is in use: of the two reasons it tells more than the port, taken as well."""
    if folder.path.is_dir():
        with folder.locked():
            pass


def _hub_maker() -> Callable[..., Awaitable[HttpServer]]:
    gc.disable()  # as in scripts/simpul.py
    try:
        from cli.hub_made import made_hub  # noqa: PLC0415 - takes a second or two, in which the agencies start
    finally:
        gc.enable()
    return made_hub


class Run:
    """One run of the city and the hub, from the first sign on the console to the last."""

    def __init__(self, *, port: int, sandbox: bool, latency: bool) -> None:
        self._began = time.monotonic()
        self._port = port
        self._sandbox = sandbox
        self._latency = latency
        self._console = Console(highlight=False, soft_wrap=True)
        self._status = self._console.status("Starting ...")
        self._shown = ""
        self._waiting: set[str] = set()
        self._serving = False
        self._hub: HttpServer | None = None

    async def until_stopped(self) -> None:
        """Start everything, serve, end everything. Raises what a part that cannot start raises."""
        _refuse_a_second_one(state_folder())
        with self._signals(), reserved(self._port) as listener:
            async with contextlib.AsyncExitStack() as stack:
                importing = asyncio.ensure_future(asyncio.to_thread(_hub_maker))
                stack.callback(importing.cancel)
                self._status.start()
                stack.callback(self._status.stop)
                await self._behind_the_hub(stack, state_folder())
                self._show("Starting the hub ...")
                made_hub = await importing
                folder = state_folder()
                self._hub = await made_hub(
                    folder, port=self._port, sandbox=self._sandbox, greet=self._greet, warn=self._warn
                )
                try:
                    await self._hub.serve([listener])
                except NotStarted as problem:
                    raise Failure(f"the hub could not start: {problem}") from None
                self._serving = False
                self._console.print("Stopping ...")
            self._console.print("Stopped.")

    async def _behind_the_hub(self, stack: contextlib.AsyncExitStack, folder: StateFolder) -> None:
        """The agencies and the database server, for as long as the stack stands."""
        if self._sandbox:
            self._show("Starting the sandbox city ...")
            city = City(folder.path, latency=self._latency, tell=self._tell)
            await stack.enter_async_context(city)
            await stack.enter_async_context(steered(city))
        else:
            stack.enter_context(folder.locked())
        if "SIMPUL_STATE_URL" not in os.environ:
            await stack.enter_async_context(hub_state(folder, self._warn))

    def _greet(self) -> None:
        settle_memory()
        self._status.stop()
        self._serving = True
        issuer_port = state_folder().known_port(ISSUER) if self._sandbox else None
        self._console.print(greeting(self._port, time.monotonic() - self._began, issuer_port=issuer_port))

    def _tell(self, change: Change) -> None:
        """Show what became of an agency: while starting in the status line, later in lines of their own."""
        (self._waiting.add if change.state is AgencyState.STARTING else self._waiting.discard)(change.agency)
        if not self._serving:
            waiting = (
                f"the sandbox city (waiting for {', '.join(sorted(self._waiting))})" if self._waiting else "the hub"
            )
            if change.state is not AgencyState.STARTING or self._console.is_terminal:
                self._show(f"Starting {waiting} ...")
        elif change.state is AgencyState.DIED:
            mend = f".venv/bin/simpul sandbox start {change.agency}"
            lost = "nobody can sign in" if change.agency == ISSUER else "what it holds is missing from answers"
            self._warn(f"{change.agency} ended ({change.detail}): {lost} until {mend}")
        elif change.state is not AgencyState.STARTING:
            self._console.print(f"{change.agency} is {change.state.value}.")

    def _show(self, text: str) -> None:
        """What the start waits for: on a terminal in the status line, elsewhere a line for each change."""
        if self._console.is_terminal:
            self._status.update(text)
        elif text != self._shown:
            self._console.print(text)
        self._shown = text

    def _warn(self, text: str) -> None:
        self._console.print(text, style="yellow", markup=False)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """The first signal ends everything in order, a second does not wait for answers in flight."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop() -> None:
            if self._hub is not None:
                self._hub.end(FAREWELL)
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

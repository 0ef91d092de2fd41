"""`simpul serve`: runs the sandbox city, the hub's own database server and the hub together."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from cli.command_error import CommandError
from cli.project_paths import find_state_folder
from cli.serve.greeting import build_greeting
from cli.serve.reserved_port import reserve_port
from cli.serve.state_server import run_state_server
from sandbox.agency import ISSUER
from sandbox.city import ProcessState, SandboxCity, StateChange
from sandbox.city_control import serve_city_control
from sandbox.clock import WIB, parse_today
from sandbox.state_folder import StateFolder
from web.server.http_server import ApplicationStartError, HttpServer, ShutdownPolicy
from web.server.uvicorn_config import freeze_startup_objects

DEFAULT_PORT = 8000
HIGHEST_PORT = 65535
EXIT_INTERRUPTED = 130
FAREWELL = ShutdownPolicy(timeout=3, linger=0.3)


def add_command(app: typer.Typer) -> None:
    """Register the command."""
    app.command("serve")(serve)


def serve(
    *,
    port: Annotated[
        int, typer.Option(envvar="PORT", parser=_parse_port, help="Loopback port of the hub.")
    ] = DEFAULT_PORT,
    sandbox: Annotated[
        bool, typer.Option("--sandbox/--no-sandbox", help="Without it, the agencies come from SIMPUL_... settings.")
    ] = True,
    latency: Annotated[
        bool, typer.Option("--latency/--no-latency", help="Whether the sandbox imitates the latency of agencies.")
    ] = True,
    today: Annotated[
        date | None,
        typer.Option(
            envvar="SANDBOX_TODAY",
            parser=_parse_today,
            metavar="YYYY-MM-DD",
            help="The sandbox's day; its data moves to it. Default: the day of the first start.",
        ),
    ] = None,
) -> None:
    """Run the sandbox city and the hub until Ctrl-C."""
    try:
        run = ServeRun(ServeOptions(port=port, sandbox=sandbox, latency=latency, today=today))
        uvloop.run(run.run_until_stopped())
    except asyncio.CancelledError:
        sys.exit(EXIT_INTERRUPTED)


def _parse_port(value: str | int) -> int:
    text = str(value)  # the default is a number
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= HIGHEST_PORT:
        return int(text)
    raise CommandError(
        f"PORT={text} is not a port: choose a number from 1 to {HIGHEST_PORT}, such as PORT={DEFAULT_PORT}"
    )


def _parse_today(value: str) -> date:
    try:
        return parse_today(value)
    except ValueError as problem:
        raise CommandError(f"--today (SANDBOX_TODAY): {problem}") from None


def _refuse_second_instance(folder: StateFolder) -> None:
    """Raise `StateError` if the folder is in use. This is checked first: it explains more than a taken port."""
    if folder.path.is_dir():
        with folder.lock():
            pass


def _import_hub_server() -> Callable[..., Awaitable[HttpServer]]:
    gc.disable()  # as in scripts/simpul.py
    try:
        from cli.serve.hub_server import build_hub_server  # noqa: PLC0415 - takes 1 to 2 s, during which the agencies start
    finally:
        gc.enable()
    return build_hub_server


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The options of the command. `today` None means the day of the first start."""

    port: int
    sandbox: bool
    latency: bool
    today: date | None


class ServeRun:
    """One run of the city and the hub, from start to stop."""

    def __init__(self, options: ServeOptions) -> None:
        self._started_at = time.monotonic()
        self._options = options
        self._console = Console(highlight=False, soft_wrap=True)
        self._status = self._console.status("Starting ...")
        self._last_progress = ""
        self._waiting: set[str] = set()
        self._serving = False
        self._hub: HttpServer | None = None

    async def run_until_stopped(self) -> None:
        """Start everything, serve, stop everything. Raises the error of a part that cannot start."""
        _refuse_second_instance(find_state_folder())
        with self._handle_signals(), reserve_port(self._options.port) as listener:
            async with contextlib.AsyncExitStack() as stack:
                importing = asyncio.ensure_future(asyncio.to_thread(_import_hub_server))
                stack.callback(importing.cancel)
                self._status.start()
                stack.callback(self._status.stop)
                await self._start_dependencies(stack, find_state_folder())
                self._show_progress("Starting the hub ...")
                build_hub_server = await importing
                folder = find_state_folder()
                self._hub = await build_hub_server(
                    folder,
                    port=self._options.port,
                    sandbox=self._options.sandbox,
                    greet=self._print_greeting,
                    warn=self._print_warning,
                )
                try:
                    await self._hub.serve([listener])
                except ApplicationStartError as problem:
                    raise CommandError(f"the hub could not start: {problem}") from None
                self._serving = False
                self._console.print("Stopping ...")
            self._console.print("Stopped.")

    async def _start_dependencies(self, stack: contextlib.AsyncExitStack, folder: StateFolder) -> None:
        """Start the agencies and the database server; `stack` stops them."""
        if self._options.sandbox:
            self._show_progress("Starting the sandbox city ...")
            city = SandboxCity(
                folder.path,
                latency=self._options.latency,
                today=folder.city_day(datetime.now(WIB).date(), chosen=self._options.today),
                on_change=self._report_change,
            )
            await stack.enter_async_context(city)
            await stack.enter_async_context(serve_city_control(city))
        else:
            stack.enter_context(folder.lock())
        if "SIMPUL_STATE_URL" not in os.environ:
            await stack.enter_async_context(run_state_server(folder, self._print_warning))

    def _print_greeting(self) -> None:
        freeze_startup_objects()
        self._status.stop()
        self._serving = True
        issuer_port = find_state_folder().known_port(ISSUER) if self._options.sandbox else None
        self._console.print(
            build_greeting(self._options.port, time.monotonic() - self._started_at, issuer_port=issuer_port)
        )

    def _report_change(self, change: StateChange) -> None:
        """Show an agency's change of state: in the status line during the start, later in a separate line."""
        (self._waiting.add if change.state is ProcessState.STARTING else self._waiting.discard)(change.agency)
        if not self._serving:
            waiting = (
                f"the sandbox city (waiting for {', '.join(sorted(self._waiting))})" if self._waiting else "the hub"
            )
            if change.state is not ProcessState.STARTING or self._console.is_terminal:
                self._show_progress(f"Starting {waiting} ...")
        elif change.state is ProcessState.DIED:
            fix = f".venv/bin/simpul sandbox start {change.agency}"
            consequence = "sign-in fails" if change.agency == ISSUER else "its data is missing from answers"
            self._print_warning(f"{change.agency} ended ({change.detail}): {consequence} until {fix}")
        elif change.state is not ProcessState.STARTING:
            self._console.print(f"{change.agency} is {change.state.value}.")

    def _show_progress(self, text: str) -> None:
        """Show what the start waits for: in the status line on a terminal, elsewhere one line per change."""
        if self._console.is_terminal:
            self._status.update(text)
        elif text != self._last_progress:
            self._console.print(text)
        self._last_progress = text

    def _print_warning(self, text: str) -> None:
        self._console.print(text, style="yellow", markup=False)

    @contextlib.contextmanager
    def _handle_signals(self) -> Iterator[None]:
        """The first signal stops everything in order; a second does not wait for requests in flight."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop() -> None:
            if self._hub is not None:
                self._hub.shut_down(FAREWELL)
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

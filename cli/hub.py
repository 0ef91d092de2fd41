"""`simpul hub`: the hub alone, as it is run in production."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failure import Failure

if TYPE_CHECKING:  # what runs the hub, which other commands need not wait for
    from workers.supervisor import Wanted

_TRUE = {"1", "true", "t", "yes", "y", "on"}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("hub")(hub)


def hub(
    *,
    settings: Annotated[
        Path | None,
        typer.Option(help="File of SIMPUL_... settings, as systemd's EnvironmentFile; read anew at each reload."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="Processes that serve; 0: SIMPUL_WORKERS, or one a processor, 2 to 8.")
    ] = 0,
    release: Annotated[
        Path | None,
        typer.Option(help="Folder, or link to one, whose code serves; read anew at each reload. Else this one."),
    ] = None,
) -> None:
    """Run the hub alone, by SIMPUL_... settings, in several processes; SIGHUP reloads, SIGTERM ends."""
    from workers.listener import NoListener  # noqa: PLC0415 - what runs the hub, which other commands need not wait for
    from workers.run_folder import WrongFolder  # noqa: PLC0415 - same
    from workers.settings_file import WrongFile  # noqa: PLC0415 - same
    from workers.shift import NotServing  # noqa: PLC0415 - same
    from workers.supervisor import Wanted  # noqa: PLC0415 - same

    # Relative names would be others after a change of the folder, and a link has to be followed anew each time.
    wanted = Wanted(
        environment=dict(os.environ),
        settings=settings and settings.absolute(),
        release=release and release.absolute(),
        workers=workers,
    )
    try:
        asyncio.run(_run(wanted))
    except (NoListener, NotServing, WrongFile, WrongFolder) as problem:
        raise Failure(f"the hub does not start: {problem}") from None


async def _run(wanted: Wanted) -> None:
    from workers.listener import address_in, listening  # noqa: PLC0415 - what runs the hub
    from workers.notifying import Notifying  # noqa: PLC0415 - same
    from workers.run_folder import run_folder  # noqa: PLC0415 - same
    from workers.supervisor import Supervisor  # noqa: PLC0415 - same

    environment = wanted.now()
    _log_as_workers_do(environment)
    with run_folder(environment) as folder, listening(os.environ, address_in(environment)) as listener:
        await Supervisor(wanted, listener, folder, Notifying(environment=os.environ)).run()


def _log_as_workers_do(environment: Mapping[str, str]) -> None:
    """In the form that the settings name. Reading all of them would take a second, and they may be wrong."""
    from engine.story import story  # noqa: PLC0415 - what the hub logs with, which other commands need not wait for
    from telemetry.log_lines import LogForm, lines  # noqa: PLC0415 - same

    development = environment.get("SIMPUL_DEVELOPMENT", "").lower() in _TRUE
    given = environment.get("SIMPUL_LOG_FORM") or (LogForm.TEXT.value if development else LogForm.JSON.value)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(lines(LogForm.TEXT if given == LogForm.TEXT.value else LogForm.JSON, story))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)

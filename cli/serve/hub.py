"""`simpul hub`: runs the hub alone, as in production."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.command_error import CommandError

if TYPE_CHECKING:  # what runs the hub, which other commands need not wait for
    from workers.supervisor import SupervisorOptions

_TRUE_WORDS = {"1", "true", "t", "yes", "y", "on"}


def add_command(app: typer.Typer) -> None:
    """Register the command."""
    app.command("hub")(run_hub)


def run_hub(
    *,
    settings: Annotated[
        Path | None,
        typer.Option(help="File of SIMPUL_... settings, as systemd's EnvironmentFile; reread at each reload."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="Worker processes; 0: SIMPUL_WORKERS, or one per processor, 2 to 8.")
    ] = 0,
    release: Annotated[
        Path | None,
        typer.Option(help="Folder with the code to serve, or a link to it; reread at each reload. Default: this one."),
    ] = None,
) -> None:
    """Run the hub alone, by SIMPUL_... settings, in several processes; SIGHUP reloads, SIGTERM stops."""
    from workers.listener import ListenError  # noqa: PLC0415 - what runs the hub, which other commands need not wait for
    from workers.run_folder import RunFolderError  # noqa: PLC0415 - same
    from workers.settings_file import SettingsFileError  # noqa: PLC0415 - same
    from workers.supervisor import SupervisorOptions  # noqa: PLC0415 - same
    from workers.worker_generation import GenerationFailed  # noqa: PLC0415 - same

    # Relative paths would change their meaning with the working folder. A link is followed at each reload.
    wanted = SupervisorOptions(
        environment=dict(os.environ),
        settings_file=settings and settings.absolute(),
        release=release and release.absolute(),
        workers=workers,
    )
    try:
        asyncio.run(_supervise(wanted))
    except (ListenError, GenerationFailed, SettingsFileError, RunFolderError) as problem:
        raise CommandError(f"the hub does not start: {problem}") from None


async def _supervise(wanted: SupervisorOptions) -> None:
    from workers.listener import open_listener, read_listen_address  # noqa: PLC0415 - what runs the hub
    from workers.run_folder import open_run_folder  # noqa: PLC0415 - same
    from workers.supervisor import Supervisor  # noqa: PLC0415 - same
    from workers.systemd_notify import SystemdNotifier  # noqa: PLC0415 - same

    environment = wanted.build_environment()
    _configure_logging(environment)
    with (
        open_run_folder(environment) as folder,
        open_listener(os.environ, read_listen_address(environment)) as listener,
    ):
        await Supervisor(wanted, listener, folder, SystemdNotifier(environment=os.environ)).run()


def _configure_logging(environment: Mapping[str, str]) -> None:
    """Configure the log format that the settings name. Loading all settings would take 1 s, and they may be invalid."""
    from engine.safe_traceback import safe_traceback  # noqa: PLC0415 - what the hub logs with, which other commands need not wait for
    from telemetry.log_format import LogFormat, build_formatter  # noqa: PLC0415 - same

    development = environment.get("SIMPUL_DEVELOPMENT", "").lower() in _TRUE_WORDS
    form = environment.get("SIMPUL_LOG_FORMAT") or (LogFormat.TEXT.value if development else LogFormat.JSON.value)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        build_formatter(LogFormat.TEXT if form == LogFormat.TEXT.value else LogFormat.JSON, safe_traceback)
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)

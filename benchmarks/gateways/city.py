"""Simpul over the running sandbox city with its production composition: ledger, access log and shared runs."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

import server
from benchmarks.layout import HOST
from benchmarks.micro.hub_time import NO_QUEUE
from cli.hub_settings import load_hub_settings
from sandbox.state_folder import StateFolder
from web.server.uvicorn_config import build_uvicorn_config, freeze_startup_objects

_CACHE_MEGABYTES = 64


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("folder", type=Path, help="the state folder of the city")
    arguments.add_argument("--cached", action="store_true", help="cache answers of agencies")
    options = arguments.parse_args()
    server.configure_logging()
    overrides = {"cache_megabytes": _CACHE_MEGABYTES if options.cached else 0, "shed_after": 0}  # no load shedding
    settings = load_hub_settings(StateFolder(options.folder), port=options.port).model_copy(update=NO_QUEUE | overrides)
    app = server.create_app(settings)
    freeze_startup_objects()
    uvicorn.Server(build_uvicorn_config(app, HOST, options.port, settings.web)).run()


if __name__ == "__main__":
    main()

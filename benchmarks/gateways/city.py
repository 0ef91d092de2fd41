"""Simpul in front of the running sandbox city, as production serves it: with ledger, access log and shared runs."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

import server
from benchmarks.hub_time import NO_QUEUE
from benchmarks.places import HOST
from cli.hub_settings import hub_settings
from sandbox.state_folder import StateFolder
from web.serving import settle_memory, uvicorn_config

_KEPT_MEGABYTES = 64


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("folder", type=Path, help="the state folder of the city")
    arguments.add_argument("--keeping", action="store_true", help="keep what agencies said")
    given = arguments.parse_args()
    server.configure_logging()
    kept = {"kept_megabytes": _KEPT_MEGABYTES if given.keeping else 0, "shed_after": 0}  # nobody is refused
    settings = hub_settings(StateFolder(given.folder), port=given.port).model_copy(update=NO_QUEUE | kept)
    app = server.create_app(settings)
    settle_memory()
    uvicorn.Server(uvicorn_config(app, HOST, given.port, settings.web)).run()


if __name__ == "__main__":
    main()

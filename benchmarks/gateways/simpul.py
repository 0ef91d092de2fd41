"""Simpul: `server.py`'s production composition, served as `simpul serve` serves it."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

import server
from benchmarks.blog.application import blog_application, blog_settings
from benchmarks.blog.kept_accesses import KeptAccesses
from benchmarks.places import HOST
from web.serving import settle_memory, uvicorn_config
from wiring.kept_answers import kept_answers


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("upstream")
    arguments.add_argument("keys", type=Path)
    arguments.add_argument("--coalescing", action="store_true")
    arguments.add_argument("--verifying", action="store_true", help="know no token again")
    arguments.add_argument("--ledger", help="keep who read what in this database")
    arguments.add_argument("--keeping", action="store_true", help="keep what agencies said")
    arguments.add_argument("--commits", type=Path, help="where to tell how long that took")
    given = arguments.parse_args()
    server.configure_logging()
    settings = blog_settings(given.keys)
    answers = kept_answers(settings) if given.keeping else None
    kept = KeptAccesses(given.ledger, settings.secret_bytes, given.commits) if given.ledger else None
    app = blog_application(
        settings,
        given.upstream,
        coalescing=given.coalescing,
        known_tokens=not given.verifying,
        kept=kept,
        answers=answers,
    )
    settle_memory()
    uvicorn.Server(uvicorn_config(app, HOST, given.port, settings.web)).run()


if __name__ == "__main__":
    main()

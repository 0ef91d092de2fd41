"""Simpul: `server.py`'s production composition, served as `simpul serve` serves it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import uvicorn

import server
from benchmarks.blog.application import build_blog_parts, build_blog_settings
from benchmarks.blog.timed_ledger import TimedLedger
from benchmarks.layout import HOST
from connectors.resilience.agency_terms import AgencyTerms
from resolvers.answer_cache import NoAnswerCache
from settings import Settings
from web.server.uvicorn_config import build_uvicorn_config, freeze_startup_objects
from wiring.agencies import build_answer_cache


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("upstream")
    arguments.add_argument("keys", type=Path)
    arguments.add_argument("--coalescing", action="store_true")
    arguments.add_argument("--verifying", action="store_true", help="do not cache verified tokens")
    arguments.add_argument("--ledger", help="record reads in this database")
    arguments.add_argument("--cached", action="store_true", help="cache answers of agencies")
    arguments.add_argument("--commits", type=Path, help="file for the report of the ledger's time")
    arguments.add_argument("--deadline", type=float, help="agree terms like the city's, with these seconds for a call")
    options = arguments.parse_args()
    server.configure_logging()
    settings = build_blog_settings(options.keys)
    ledger = TimedLedger(options.ledger, settings.secret_bytes, options.commits) if options.ledger else None
    terms = None
    if options.deadline is not None:
        terms = find_http_terms(settings).model_copy(update={"deadline": options.deadline})
    parts = replace(
        build_blog_parts(options.upstream, ledger, terms),
        coalescing=options.coalescing,
        cache_tokens=not options.verifying,
        answer_cache=build_answer_cache(settings) if options.cached else NoAnswerCache(),
    )
    app = server.compose(settings, parts)
    freeze_startup_objects()
    uvicorn.Server(build_uvicorn_config(app, HOST, options.port, settings.web)).run()


def find_http_terms(settings: Settings) -> AgencyTerms:
    """The terms of the first agency of the city with retries, hedging and a breaker."""
    return next(
        terms
        for terms in map(settings.build_terms, settings.city.agencies)
        if terms.retries and terms.hedge and terms.breaker
    )


if __name__ == "__main__":
    main()

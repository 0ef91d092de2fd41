"""A generation before it forks: its settings, and the socket it received."""

from __future__ import annotations

import json
import os
import socket

import pytest

import server
from schema.builder import build_schema
from settings import Settings
from settings.city.folder import DEFAULT_CITY, load_city
from tests.sandbox_agencies import HOST
from wiring.agencies import list_agency_codes
from workers import worker_pool


def test_a_generation_serves_only_on_the_address_of_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_pool, "Settings", lambda: Settings.model_construct(listen=f"{HOST}:9"))
    reads, writes = os.pipe()
    with socket.create_server((HOST, 0)) as listener, os.fdopen(reads, "rb") as status:
        port = listener.getsockname()[1]
        code = worker_pool.run_generation([str(os.dup(listener.fileno())), str(writes), "0", "1"])
        os.close(writes)
        said = json.loads(status.read())
    assert code == worker_pool.EXIT_FAILED
    assert said == {"failed": f"the hub listens on {HOST}:{port}, but SIMPUL_LISTEN is {HOST}:9: make them the same"}


def test_the_graph_is_built_before_the_fork_and_again_in_no_worker() -> None:
    build_schema.cache_clear()
    server.preload(load_city(DEFAULT_CITY))
    built = build_schema.cache_info().misses

    build_schema(list_agency_codes(load_city(DEFAULT_CITY)))  # as `server.create_app` does in each worker

    assert (built, build_schema.cache_info().misses) == (1, 1)

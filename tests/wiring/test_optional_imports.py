"""Which libraries a hub loads only if its settings need them. In a new process: tests load everything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_LIBRARIES = ("opentelemetry", "redis", "throttled")
_PROGRAM = """
import json, sys
import server, workers.worker
from pydantic import SecretStr
from settings import Settings

redis_url, traces_url = sys.argv[1:]
server.import_optional_parts(
    Settings.model_construct(
        redis_url=SecretStr(redis_url) if redis_url else None, redis_timeout=0.1, traces_url=traces_url or None
    )
)
print(json.dumps(sorted({each.partition(".")[0] for each in sys.modules})))
"""


@pytest.mark.parametrize(
    ("redis_url", "traces_url", "loaded"),
    [
        ("", "", set()),
        ("redis://127.0.0.1:1", "", {"opentelemetry", "redis", "throttled"}),  # redis-py loads its metrics
        ("", "http://127.0.0.1:1/v1/traces", {"opentelemetry"}),
    ],
)
def test_a_hub_loads_the_libraries_of_redis_and_traces_only_if_its_settings_need_them(
    redis_url: str, traces_url: str, loaded: set[str]
) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _PROGRAM, redis_url, traces_url],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(_LIBRARIES) & set(json.loads(done.stdout)) == loaded

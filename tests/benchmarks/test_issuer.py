"""All peers of a benchmark accept its issuer only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.issuer import URL

NPM = Path(__file__).parents[2] / "benchmarks" / "npm"


@pytest.mark.parametrize("file", ["world.mjs", "hive/gateway.config.mjs"])
def test_a_node_peer_checks_the_issuer_of_tokens(file: str) -> None:
    assert re.findall(r"issuer: '([^']+)'", (NPM / file).read_text(encoding="utf-8")) == [URL]

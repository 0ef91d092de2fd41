"""All peers of a benchmark believe the issuer of its tokens, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.issuer import URL

NPM = Path(__file__).parents[2] / "benchmarks" / "npm"


@pytest.mark.parametrize("file", ["world.mjs", "hive/gateway.config.mjs"])
def test_a_peer_in_node_checks_the_issuer_of_the_tokens(file: str) -> None:
    assert re.findall(r"issuer: '([^']+)'", (NPM / file).read_text(encoding="utf-8")) == [URL]

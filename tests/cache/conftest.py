from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cache.valkey import LocalValkey, run_valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[LocalValkey]:
    """An empty server."""
    with run_valkey(tmp_path) as running:
        yield running

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cache.valkey import Valkey, running_valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """An empty server."""
    with running_valkey(tmp_path) as running:
        yield running

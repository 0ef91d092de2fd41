"""The tables with which the food price service answers its lists of markets from a snapshot."""

from __future__ import annotations

from typing import Any

ROWS = {"path": "api2/v1/master-data/market", "rows": "data"}
SNAPSHOT: dict[str, Any] = {"every": "1 h", "max_age": "1 d", "min_rows": 10, "skip_without": "market_id", "rows": ROWS}
READS: dict[str, Any] = {
    "market_lists": {"snapshot": "markets", "search": "name"},
    "markets": {"snapshot": "markets", "key": "id"},
}

"""From the plan of a statement, as its database writes it, to the tables that are read completely."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

Row = Mapping[str, Any]
FindScans = Callable[[Sequence[Row], bool], Sequence[str]]
"""From the rows of a plan, and whether the statement has a limit, to the names of tables. With a limit, reading along
an index ends early."""

_INDEX_SCANS: Final = frozenset({"Index Scan", "Index Only Scan"})
_WHOLE: Final = frozenset({"Sort", "Aggregate", "Hash", "Materialize"})
"""Nodes that take all rows below them, whatever limit is above."""


def find_postgres_scans(rows: Sequence[Row], has_limit: bool) -> Sequence[str]:  # noqa: FBT001 - see FindScans
    """Read the JSON of `EXPLAIN (FORMAT JSON)`."""
    del has_limit  # its plan shows where the limit is
    found: dict[str, None] = {}
    for row in rows:
        (written,) = row.values()
        for plan in json.loads(written) if isinstance(written, str) else written:
            found |= dict.fromkeys(_walk_postgres(plan["Plan"], is_limited=False))
    return tuple(found)


def _walk_postgres(node: Mapping[str, Any], *, is_limited: bool) -> Iterator[str]:
    kind = node["Node Type"]
    is_whole_index = kind in _INDEX_SCANS and "Index Cond" not in node and not is_limited
    if kind == "Seq Scan" or is_whole_index:
        yield node["Relation Name"]
    below = (is_limited or kind == "Limit") and kind not in _WHOLE
    for each in node.get("Plans", ()):
        yield from _walk_postgres(each, is_limited=below)


def find_mysql_scans(rows: Sequence[Row], has_limit: bool) -> Sequence[str]:  # noqa: FBT001 - see FindScans
    """Read the table of `EXPLAIN`: https://mariadb.com/kb/en/explain/."""
    found: dict[str, None] = {}
    for row in rows:
        table, kind = str(row["table"] or ""), row["type"]
        is_page = has_limit and "Using filesort" not in str(row["Extra"])
        is_scan = kind in {"ALL", "index"} and not is_page
        if table and not table.startswith("<") and is_scan and row["possible_keys"] is None:
            found[table] = None
    return tuple(found)


def find_sqlite_scans(rows: Sequence[Row], has_limit: bool) -> Sequence[str]:  # noqa: FBT001 - see FindScans
    """Read the lines of `EXPLAIN QUERY PLAN`: https://sqlite.org/eqp.html."""
    found: dict[str, None] = {}
    is_sorted = any("USE TEMP B-TREE FOR" in str(row["detail"]) for row in rows)
    for row in rows:
        words = str(row["detail"]).split()
        ends_early = has_limit and not is_sorted
        if words[0] == "SCAN" and not words[1].startswith("(") and words[1] != "CONSTANT" and not ends_early:
            found[words[1]] = None
    return tuple(found)

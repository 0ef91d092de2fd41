"""Recognizes statements on an agency's own tables. Those are business calls; the drivers' own queries are not."""

import re
from collections.abc import Iterable

_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_VERB = re.compile(r"\s*([a-z]+)", re.IGNORECASE)


class StatementNames:
    """Names the operation of a statement, `select biodata_wni`, by the first of the agency's tables in it."""

    def __init__(self, tables: Iterable[str]) -> None:
        names = "|".join(re.escape(table) for table in tables)
        self._table = re.compile(
            rf"\b(?:from|join|into|update)\s+(?:[\"`]?\w+[\"`]?\.)?[\"`]?({names})\b", re.IGNORECASE
        )

    def name_operation(self, text: bytes) -> str | None:
        """The operation under which a statement is counted; None if it does not use the agency's tables."""
        statement = _COMMENT.sub(" ", text.decode("utf-8", "replace"))
        table = self._table.search(statement)
        if table is None:
            return None
        verb = _VERB.match(statement)
        name = verb[1].lower() if verb else "?"
        return f"{'select' if name == 'with' else name} {table[1].lower()}"

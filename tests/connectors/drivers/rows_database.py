"""A database that answers every statement with the same rows, and keeps the statements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.drivers.sql.connections import Row
from connectors.drivers.sql.driver import SqlDriver
from records.calls.call import Call


class RowsDatabase(SqlDriver):
    """Takes the place of an agency's database, behind the driver's checks."""

    def __init__(self, rows: Sequence[Row], *, agency: str = "dukcapil", scheme: str = "postgresql") -> None:
        super().__init__(agency, f"{scheme}://hub:rahasia@127.0.0.1/siak", deadline=5, pool_size=1)
        self.statements: list[str] = []
        self.parameters: list[Mapping[str, object]] = []
        self._given = rows

    async def rows(
        self,
        statement: str,
        parameters: Mapping[str, object],
        call: Call,
        *,
        check: Callable[[Sequence[Row]], None] = lambda _: None,
        **options: Any,  # noqa: ANN401 - whatever the driver takes
    ) -> Sequence[Row]:
        """Keep the statement, and return the rows."""
        del call, options
        self.statements.append(statement)
        self.parameters.append(parameters)
        check(self._given)
        return self._given

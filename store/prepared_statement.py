"""A statement for hot reads: compiled once, and run on asyncpg's own connection in one round trip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn


class PreparedStatement:
    """A SELECT with named parameters, which asyncpg prepares once a connection.

    To build a statement, find its compiled form and run it between BEGIN and ROLLBACK takes SQLAlchemy several times
    the processor time. Values are those of asyncpg, without SQLAlchemy's processing: for columns whose types have none.
    """

    def __init__(self, statement: Select[Any]) -> None:
        """Compile it."""
        compiled = statement.compile(dialect=dialect())  # type: ignore[no-untyped-call]  # its types are incomplete
        self._text: Final = str(compiled)
        self._names: Final[Sequence[str]] = tuple(compiled.positiontup or ())
        self._constants: Final = {name: value for name, value in compiled.params.items() if value is not None}

    async def load_value(self, engine: AsyncEngine, parameters: Mapping[str, object] = MappingProxyType({})) -> Any:  # noqa: ANN401 - of any column
        """The first value of the first row. Raises like `load`."""
        return (await self.load(engine, parameters))[0][0]

    async def load(self, engine: AsyncEngine, parameters: Mapping[str, object]) -> Sequence[Any]:
        """The rows, as mappings. Raises the errors of asyncpg and SQLAlchemy."""
        values = {**self._constants, **parameters}
        connection = await engine.raw_connection()
        driver: Any = connection.driver_connection
        try:
            rows: Sequence[Any] = await driver.fetch(self._text, *(values[name] for name in self._names))
        except BaseException:  # also on cancellation: a connection in an unknown state must not return to the pool
            connection.invalidate()
            raise
        else:
            return rows
        finally:
            await greenlet_spawn(connection.close)  # a connection beyond the pool's size says goodbye to the server

"""Uses of the city's services, from the hub's database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from records.calls.answers import Answers
from records.calls.call import Call
from resolvers.hub.service_uses import UsesUnavailable
from store.database_timeout import StateUnavailable
from store.usage.service_use_table import ServiceUseTable


class DatabaseServiceUses:
    """The counts of all processes. What a process counted in the last half minute is not in them."""

    def __init__(self, table: ServiceUseTable) -> None:
        """Takes the table."""
        self._table = table

    async def uses_of(
        self,
        months: Sequence[str],
        call: Call,  # noqa: ARG002 - no agency is called
    ) -> Answers[str, Mapping[str, int]]:
        """The uses of each service by code. Raises `UsesUnavailable`."""
        days = {datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC): month for month in months}
        try:
            found = await self._table.load(list(days))
        except StateUnavailable:
            raise UsesUnavailable from None
        uses: dict[str, dict[str, int]] = {month: {} for month in months}
        for key, number in found.items():
            uses[days[key.month]][key.service] = number
        return uses

"""People whose data an agency has erased: copies of the agency's data must not hold them either."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from auth.crypto.sealed_people import InvalidPersonSeal, SealedPeople
from connectors.declared.snapshot.protection import ErasuresUnknown
from records.identifiers import Nik
from store.database_timeout import StateUnavailable
from store.rights.data_request_table import DataRequestTable


class FulfilledErasures:
    """Lists requests for erasure that were answered with `DONE` (UU PDP 27/2022, articles 8 and 42 to 45)."""

    def __init__(self, table: DataRequestTable, people: SealedPeople) -> None:
        """The table stores sealed people only; `people` open them, with each secret of the hub."""
        self._table = table
        self._people = people

    async def list_people(self, agency: str, since: datetime) -> Collection[Nik]:
        """The people whose erasure the agency fulfilled after a moment. Raises `ErasuresUnknown`."""
        try:
            return [self._people.open(each) for each in await self._table.list_erased(agency, since)]
        except StateUnavailable:
            raise ErasuresUnknown("the hub's database does not say whose data was erased") from None
        except InvalidPersonSeal:
            raise ErasuresUnknown("an erasure was sealed with a secret that is not in SIMPUL_FORMER_SECRETS") from None

"""The directory of partners, from the contracts that list them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from records.calls.answers import Answers
from records.calls.call import Call
from records.clocks import CITY_TIME_ZONE
from records.hub.operations import ClientContract
from records.partners import Partner, PartnerQuery
from resolvers.hub.partners import PartnersUnavailable
from store.database_timeout import StateUnavailable
from store.operations.operation_registry import OperationRegistry

_log = logging.getLogger("simpul.partners")


class ContractDirectory:
    """Partners whose contract has a listing."""

    def __init__(self, registry: OperationRegistry) -> None:
        self._registry = registry

    async def partners(
        self,
        queries: Sequence[PartnerQuery],
        call: Call,  # noqa: ARG002 - no agency is called
    ) -> Answers[PartnerQuery, Sequence[Partner]]:
        """Partners by text and channel, ordered by name. Raises `PartnersUnavailable`."""
        try:
            contracts = await self._registry.list_listed_contracts()
        except StateUnavailable as failure:
            _log.error("The directory of partners cannot be read: %s", failure)
            raise PartnersUnavailable from None
        found = sorted(
            (each for contract in contracts if (each := build_partner(contract)) is not None),
            key=lambda each: each.name.casefold(),
        )
        today = datetime.now(CITY_TIME_ZONE).date()
        return {query: tuple(each for each in found if each.matches(query, today)) for query in queries}


def build_partner(contract: ClientContract) -> Partner | None:
    """The entry of a contract in the directory; None without a listing."""
    if contract.listing is None or contract.name is None:
        return None
    terms = contract.consent
    return Partner(
        name=contract.name,
        listing=contract.listing,
        scopes=()
        if terms is None
        else tuple(each for each in sorted(contract.consent_scopes, key=lambda one: one.name)),
        purposes=() if terms is None else tuple(terms.purposes),
    )

"""Whether what the graph has of each agency is read under an impact assessment: at the start, and from day to day."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from graphql import GraphQLSchema

from auth.children import today_here
from auth.data_contracts import DataContract, Judged, judged, refuse_unassessed
from auth.policy import Policy
from schema.holdings import held_classes

_log = logging.getLogger("simpul.contracts")

EVERY = 24 * 3600.0
"""Seconds between two looks of a hub that runs."""


def judged_today(contracts: Sequence[DataContract], policy: Policy, schema: GraphQLSchema) -> Sequence[Judged]:
    """What is to be said of each agency of the graph under these contracts, today."""
    return judged(contracts, held_classes(schema), policy, today_here())


def refuse_unassessed_agencies(
    contracts: Sequence[DataContract], policy: Policy, schema: GraphQLSchema, *, development: bool
) -> None:
    """Raise `Unassessed` where personal data would be read without an assessment; in development, log it."""
    found = judged_today(contracts, policy, schema)
    if not development:
        refuse_unassessed(found)
    _tell(found)


async def keep_looking(contracts: Sequence[DataContract], policy: Policy, schema: GraphQLSchema) -> None:
    """Log once a day, for ever, what will be a fault at the next start, or is one by now."""
    while True:
        await asyncio.sleep(EVERY)
        _tell(judged_today(contracts, policy, schema))


def _tell(found: Sequence[Judged]) -> None:
    for each in found:
        for told in (each.fault, *each.warnings):
            if told is not None:
                _log.warning("Data contracts: %s.", told)

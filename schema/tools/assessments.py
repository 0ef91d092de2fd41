"""Checks at the start, and daily, that each agency's personal data is read under an impact assessment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from graphql import GraphQLSchema

from auth.policy.access_policy import AccessPolicy
from auth.policy.children import get_city_date
from auth.policy.data_contracts import ContractReview, DataContract, require_assessments, review_contracts
from schema.tools.holdings import get_held_classes

_log = logging.getLogger("simpul.contracts")

CHECK_INTERVAL = 24 * 3600.0
"""Seconds between two checks while the hub runs."""


def judge_today(
    contracts: Sequence[DataContract], policy: AccessPolicy, schema: GraphQLSchema
) -> Sequence[ContractReview]:
    """Reviews the contract of each agency of the graph, as of today."""
    return review_contracts(contracts, get_held_classes(schema), policy, get_city_date())


def refuse_unassessed_agencies(
    contracts: Sequence[DataContract], policy: AccessPolicy, schema: GraphQLSchema, *, development: bool
) -> None:
    """Raises `MissingAssessment` if personal data would be read without an assessment; logs it in development."""
    found = judge_today(contracts, policy, schema)
    if not development:
        require_assessments(found)
    _log_findings(found)


async def check_daily(contracts: Sequence[DataContract], policy: AccessPolicy, schema: GraphQLSchema) -> None:
    """Logs once a day, without end, the faults that would stop the next start, and the warnings."""
    while True:
        await asyncio.sleep(CHECK_INTERVAL)
        _log_findings(judge_today(contracts, policy, schema))


def _log_findings(found: Sequence[ContractReview]) -> None:
    for each in found:
        for message in (each.fault, *each.warnings):
            if message is not None:
                _log.warning("Data contracts: %s.", message)

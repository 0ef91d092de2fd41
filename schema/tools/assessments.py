"""Whether what the graph has of each agency is read under an impact assessment: at the start, and from day to day."""

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
"""Seconds between two looks of a hub that runs."""


def judge_today(
    contracts: Sequence[DataContract], policy: AccessPolicy, schema: GraphQLSchema
) -> Sequence[ContractReview]:
    """What is to be said of each agency of the graph under these contracts, today."""
    return review_contracts(contracts, get_held_classes(schema), policy, get_city_date())


def refuse_unassessed_agencies(
    contracts: Sequence[DataContract], policy: AccessPolicy, schema: GraphQLSchema, *, development: bool
) -> None:
    """Raise `MissingAssessment` where personal data would be read without an assessment; in development, log it."""
    found = judge_today(contracts, policy, schema)
    if not development:
        require_assessments(found)
    _log_findings(found)


async def check_daily(contracts: Sequence[DataContract], policy: AccessPolicy, schema: GraphQLSchema) -> None:
    """Log once a day, for ever, what will be a fault at the next start, or is one by now."""
    while True:
        await asyncio.sleep(CHECK_INTERVAL)
        _log_findings(judge_today(contracts, policy, schema))


def _log_findings(found: Sequence[ContractReview]) -> None:
    for each in found:
        for message in (each.fault, *each.warnings):
            if message is not None:
                _log.warning("Data contracts: %s.", message)

"""The population of regions: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import batch
from records.calls.answers import Answers, keep_date
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import RegionCode
from records.inhabitants import InhabitantCount, add_up
from resolvers.batch_context import HubBatchContext
from resolvers.caching import PUBLIC


class Inhabitants(Protocol):
    """The domain of population statistics. A manifest binds an agency to it."""

    async def counts_inside(
        self, region_codes: Sequence[RegionCode], call: Call
    ) -> Answers[RegionCode, Sequence[InhabitantCount]]:
        """The counts of all kelurahan inside each region, at any level."""


@batch(domain=Inhabitants, caching=PUBLIC, read="counts_inside")
async def inhabitants(keys: Sequence[RegionCode], context: HubBatchContext) -> Answers[RegionCode, InhabitantCount]:
    """The population of each region: the sum of its kelurahan."""
    found = await context.agencies[Inhabitants].counts_inside(keys, context.call)
    answers = {
        key: answer if isinstance(answer, AgencyFailure) else add_up(key, answer) for key, answer in found.items()
    }
    return keep_date({key: each for key, each in answers.items() if each is not None}, found)

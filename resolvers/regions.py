"""Regions: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from engine.batch import batch, forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import RegionCode
from records.regions import CodeSystem, Region, RegionQuery
from resolvers.batch_context import HubBatchContext


class RegionAddress(NamedTuple):
    """A region's code in one code system."""

    system: CodeSystem
    code: str


class Regions(Protocol):
    """The domain of regions. The composition root binds a connector to it."""

    async def regions(self, codes: Sequence[RegionCode], call: Call) -> Answers[RegionCode, Region]:
        """Regions by Kemendagri code."""

    async def regions_called(
        self, addresses: Sequence[tuple[CodeSystem, str]], call: Call
    ) -> Answers[tuple[CodeSystem, str], Region]:
        """Regions by their code in another code system."""

    async def inside(self, codes: Sequence[RegionCode], call: Call) -> Answers[RegionCode, Sequence[Region]]:
        """The regions of the next level inside each region."""

    async def region_lists(self, queries: Sequence[RegionQuery], call: Call) -> Answers[RegionQuery, Sequence[Region]]:
        """Regions by name, level and place."""


regions = forward(Regions, Regions.regions, is_of_hub=True, is_fixed=True)
regions_inside = forward(Regions, Regions.inside, name="regions_inside", is_of_hub=True, absent=(), is_fixed=True)
region_lists = forward(Regions, Regions.region_lists, is_of_hub=True, absent=(), is_fixed=True, scanned_rows=2_000)


@batch(domain=None, is_fixed=True)
async def regions_called(
    addresses: Sequence[RegionAddress], context: HubBatchContext
) -> Answers[RegionAddress, Region]:
    """Regions by their code in another code system."""
    found = await context.agencies[Regions].regions_called(addresses, context.call)
    return {address: found[address] for address in addresses if address in found}

"""Batch contexts for these tests."""

from typing import Any

from auth.caller import ANONYMOUS, Caller
from engine import batch
from resolvers.batch_context import HubBatchContext
from resolvers.bridge import Bridge
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import CALL


def build_context(city: SmallCity, caller: Caller = ANONYMOUS) -> HubBatchContext:
    return HubBatchContext(caller=caller, call=CALL, agencies=city.agencies())


def build_bridge(city: SmallCity, caller: Caller = ANONYMOUS) -> Bridge:
    def asked(facets: frozenset[type[Any]]) -> HubBatchContext:
        return batch.BatchContext(caller=caller, call=CALL, agencies=city.agencies(), facets=facets)

    return Bridge(asked)

"""What a batch is given in these tests."""

from typing import Any

from auth.caller import ANONYMOUS, Caller
from engine import batch
from resolvers.ask import Ask
from resolvers.bridge import Bridge
from tests.small_city import SmallCity
from tests.small_records import CALL


def ask(city: SmallCity, caller: Caller = ANONYMOUS) -> Ask:
    return Ask(caller=caller, call=CALL, agencies=city.agencies())


def bridge(city: SmallCity, caller: Caller = ANONYMOUS) -> Bridge:
    def asked(facets: frozenset[type[Any]]) -> Ask:
        return batch.Ask(caller=caller, call=CALL, agencies=city.agencies(), facets=facets)

    return Bridge(asked)

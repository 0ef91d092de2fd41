"""Property tax."""

from records.calls.failures import AgencyTimeout
from records.identifiers import Nop
from resolvers.tax import TaxObjectKey, tax_objects, tax_objects_of
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, NOP, SITI, tax_object
from tests.resolvers.batch_contexts import build_context

HERS = TaxObjectKey(SITI, NOP)


async def test_an_object_is_found_only_under_its_owner_and_each_owner_is_fetched_once() -> None:
    city = SmallCity()
    unknown = TaxObjectKey(SITI, Nop("317301000100100020"))
    assert await tax_objects.run([HERS, unknown, TaxObjectKey(BUDI, NOP)], build_context(city)) == {HERS: tax_object()}
    assert city.calls == [("pbb", "objects_of", (SITI, BUDI))]


async def test_a_failure_for_one_owner_fails_only_their_objects() -> None:
    timeout = AgencyTimeout("pbb")
    his = TaxObjectKey(BUDI, NOP)
    assert await tax_objects.run([HERS, his], build_context(SmallCity(failures={BUDI: timeout}))) == {
        HERS: tax_object(),
        his: timeout,
    }


async def test_objects_by_owner() -> None:
    assert await tax_objects_of.run([SITI, BUDI], build_context(SmallCity())) == {SITI: (tax_object(),)}

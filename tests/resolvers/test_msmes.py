"""Small businesses."""

from records.calls.failures import AgencyTimeout
from resolvers.msmes import MsmeKey, msmes, msmes_of, products_of
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, SITI, msme, product
from tests.resolvers.batch_contexts import build_context

OWN, FORMER = MsmeKey(SITI, "M-1"), MsmeKey(BUDI, "M-1")


async def test_an_enterprise_is_found_only_under_its_owner() -> None:
    city = SmallCity()
    assert await msmes.run([OWN, FORMER, MsmeKey(SITI, "M-9")], build_context(city)) == {OWN: msme()}
    assert city.calls == [("jakpreneur", "msmes", ("M-1", "M-9"))]


async def test_a_failure_is_the_answer_of_every_key_in_the_call() -> None:
    timeout = AgencyTimeout("jakpreneur")
    assert await msmes.run([OWN, FORMER], build_context(SmallCity(failures={"M-1": timeout}))) == {
        OWN: timeout,
        FORMER: timeout,
    }


async def test_products_are_fetched_once_per_enterprise() -> None:
    city = SmallCity()
    sold = (product("Nasi", public=True), product("Rahasia", public=False))
    assert await products_of.run([OWN, FORMER, MsmeKey(SITI, "M-9")], build_context(city)) == {OWN: sold, FORMER: sold}
    assert city.calls == [("jakpreneur", "products_of", ("M-1", "M-9"))]


async def test_enterprises_by_owner() -> None:
    assert await msmes_of.run([SITI, BUDI], build_context(SmallCity())) == {SITI: (msme(),)}

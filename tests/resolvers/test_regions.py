"""Regions by their codes in each code system."""

from records.regions import CodeSystem
from resolvers.regions import RegionAddress, regions_called
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import REGIONS
from tests.resolvers.batch_contexts import build_context


async def test_a_code_means_nothing_without_its_system() -> None:
    known = RegionAddress(CodeSystem.KEMENDAGRI, "31.71")
    other = RegionAddress(CodeSystem.BPS, "31.71")
    answers = await regions_called.run([known, other], build_context(SmallCity()))
    assert answers == {known: REGIONS["31.71"]}  # type: ignore[index]  # an ordinary code
    assert isinstance(next(iter(answers)), RegionAddress)

"""Regions by what each code system calls them."""

from records.regions import CodeSystem
from resolvers.regions import RegionAddress, regions_called
from tests.resolvers.asking import ask
from tests.small_city import SmallCity
from tests.small_records import REGIONS


async def test_a_code_means_nothing_without_its_system() -> None:
    known = RegionAddress(CodeSystem.KEMENDAGRI, "31.71")
    other = RegionAddress(CodeSystem.BPS, "31.71")
    answers = await regions_called.run([known, other], ask(SmallCity()))
    assert answers == {known: REGIONS["31.71"]}  # type: ignore[index]  # a code like any
    assert isinstance(next(iter(answers)), RegionAddress)

"""All ways to answer Q3 from objects in memory give the same answer, or the comparison of their times says nothing."""

from __future__ import annotations

from benchmarks.micro.q3_variants import measure_variants


async def test_every_way_answers_q3_and_is_measured() -> None:
    times = await measure_variants(0.001)
    assert len(times) == 5
    assert all(each > 0 for each in times.values())

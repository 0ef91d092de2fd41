"""How growth is computed."""

import pytest

from benchmarks.micro.growth import Growth, fit_slope


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_slope_is_the_exponent_of_growth(power: float) -> None:
    sizes = [100, 1_000, 10_000]  # each step adds ten times as much
    assert fit_slope(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


@pytest.mark.parametrize("fixed", [-50, 0, 1_000])
def test_a_fixed_cost_is_not_growth(fixed: float) -> None:
    sizes = [100, 1_000, 10_000]
    assert fit_slope(sizes, [fixed + 3 * size for size in sizes]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("time", "memory", "linear"), [(1.0, 0.9, True), (1.1, 1.1, True), (1.11, 1.0, False), (1.0, 1.2, False)]
)
def test_growth_is_linear_if_neither_time_nor_memory_grows_faster(time: float, memory: float, linear: bool) -> None:  # noqa: FBT001 - parametrised
    assert Growth(curve="objects", time=time, memory=memory).is_linear is linear

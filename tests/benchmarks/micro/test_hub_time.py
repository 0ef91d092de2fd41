"""The agencies' part of an answer's time."""

import pytest

from benchmarks.micro.hub_time import critical_path


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [
        ([], 0.0),
        ([(1.0, 4.0)], 3.0),
        pytest.param([(1.0, 1.0), (1.0, 4.0)], 3.0, id="a call that takes no time"),
        pytest.param([(0.0, 2.0), (0.5, 1.0), (2.5, 4.0)], 3.5, id="a chain and a short concurrent call"),
        pytest.param([(0.0, 5.0), (0.0, 1.0), (1.0, 2.0)], 5.0, id="one long call and a chain that ends earlier"),
        pytest.param([(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)], 3.0, id="what lies between calls is not theirs"),
    ],
)
def test_the_critical_path_is_the_chain_of_calls_that_ends_last(
    calls: list[tuple[float, float]], seconds: float
) -> None:
    assert critical_path(calls) == seconds

"""What 95 of 100 of the last answers stayed below."""

from connectors.resilience.latency_window import LatencyWindow


def test_a_few_answers_have_no_percentile() -> None:
    latencies = LatencyWindow()
    for _ in range(19):
        latencies.record(0.1)
    assert (latencies.p95, repr(latencies)) == (None, "<Latencies n=19 p95=unknown>")


def test_it_is_the_95th_percentile_of_the_last_100_answers() -> None:
    latencies = LatencyWindow()
    for _ in range(50):
        latencies.record(9.0)
    for hundredth in range(100):
        latencies.record(hundredth / 100)
    assert (latencies.p95, repr(latencies)) == (0.95, "<Latencies n=100 p95=0.95s>")

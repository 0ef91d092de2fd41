"""Sample rows of a run."""

from benchmarks.reports.results import Row


def build_row(target: str, figure: float, *, query: str = "Q3", connections: int = 16, failed: int = 0) -> Row:
    return Row(
        target=target,
        query=query,
        connections=connections,
        requests_per_second=figure / 2,
        requests_per_cpu_second=figure,
        p50_ms=1.0,
        p99_ms=2.0,
        peak_memory_mb=50.0,
        upstream_calls_per_request=2.0,
        upstream_share=0.5,
        failed_requests=failed,
    )

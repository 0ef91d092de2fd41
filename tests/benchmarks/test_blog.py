"""The hub that is measured answers what all other targets are held to."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import chart, results, targets
from benchmarks.chain import InMemory as Chain
from benchmarks.chain import People, chain_document, chain_schema
from benchmarks.micro import Hub, blog_hub
from benchmarks.questions import Q2, Q3, Question, answer
from engine.batch import Agencies
from schema.build import graphql_schema


def row(target: str, figure: float) -> results.Row:
    return results.Row(
        target=target,
        query="Q3",
        connections=16,
        requests_per_second=figure / 2,
        requests_per_cpu_second=figure,
        p50_ms=1.0,
        p99_ms=2.0,
        peak_memory_mb=50.0,
        upstream_calls_per_request=2.0,
        failed_requests=0,
    )


@pytest.mark.parametrize("question", [Q2, Q3], ids=lambda each: each.name)
@pytest.mark.parametrize("plans", [True, False], ids=["by plan", "by graphql-core"])
async def test_the_small_world_is_answered_as_every_target_must(question: Question, plans: bool) -> None:  # noqa: FBT001 - parametrised
    hub = blog_hub(100, 10, question.document, plans=plans)
    for _ in range(3):
        response = await hub.answer()
        assert (response.data, response.errors) == (answer(question), [])


async def test_a_chain_leads_from_each_level_to_the_next() -> None:
    hub = Hub(Agencies({People: Chain(2)}), graphql_schema(chain_schema()), chain_document(3))
    friends = [
        {"id": n, "name": f"Warga {n}", "friend": {"id": n + 2, "name": f"Warga {n + 2}", "friend": last}}
        for n, last in ((0, {"id": 4, "name": "Warga 4"}), (1, {"id": 5, "name": "Warga 5"}))
    ]
    for _ in range(2):
        assert (await hub.answer()).data == {"people": friends}


def test_the_chart_has_a_bar_for_each_target_and_the_longest_is_first(tmp_path: Path) -> None:
    drawn = tmp_path / "chart.svg"
    chart.draw([row("slow & old", 10), row(targets.SIMPUL.name, 40)], drawn)
    svg = ET.fromstring(drawn.read_text())  # noqa: S314 - our own chart
    bars = [each for each in svg.iter() if each.tag.endswith("rect")]
    assert [each.get("class") for each in bars] == ["own", "peer"]
    assert float(bars[0].get("width", 0)) == pytest.approx(4 * float(bars[1].get("width", 0)), abs=0.1)


def test_rows_are_read_as_they_were_saved(tmp_path: Path) -> None:
    rows = [row(targets.SIMPUL.name, 40), row(targets.RAW.name, 100)]
    results.save(rows, tmp_path / "results.json")
    assert results.read(tmp_path / "results.json") == rows

"""The chart of a run."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import chart, targets
from benchmarks.results import Row
from tests.benchmarks.rows import row


def drawn(rows: list[Row], versions: dict[str, str], folder: Path) -> ET.Element:
    file = folder / "chart.svg"
    chart.draw(rows, versions, file)
    return ET.fromstring(file.read_text())  # noqa: S314 - our own chart


def parts(svg: ET.Element, kind: str) -> list[ET.Element]:
    return [each for each in svg.iter() if each.tag.endswith(kind)]


def texts(svg: ET.Element) -> list[str]:
    return ["".join(each.itertext()) for each in parts(svg, "}text")]


def test_there_is_a_bar_for_each_target_and_the_longest_is_first(tmp_path: Path) -> None:
    svg = drawn([row("slow & old", 10), row(targets.SIMPUL.name, 40)], {"slow & old": "1.2.3"}, tmp_path)
    bars = parts(svg, "rect")
    assert [each.get("class") for each in bars] == ["own", "peer"]
    assert float(bars[0].get("width", 0)) == pytest.approx(4 * float(bars[1].get("width", 0)), abs=0.1)
    assert "slow & old 1.2.3" in texts(svg)


def test_a_peer_that_the_goals_name_shows_how_far_behind_it_is_and_must_be(tmp_path: Path) -> None:
    svg = drawn([row(targets.SIMPUL.name, 60), row(targets.APOLLO.name, 10)], {}, tmp_path)
    assert "10 Simpul 6.00x, goal 4x" in texts(svg)


def test_a_row_with_failed_requests_is_not_shown(tmp_path: Path) -> None:
    assert len(parts(drawn([row("whole", 10), row("broken", 40, failed=3)], {}, tmp_path), "rect")) == 1


def test_there_is_a_line_over_connections_where_more_than_one_number_was_measured(tmp_path: Path) -> None:
    one = [row(targets.SIMPUL.name, 40)]
    assert parts(drawn(one, {}, tmp_path), "polyline") == []
    four = [row(targets.SIMPUL.name, 40.0 * count, connections=count) for count in (1, 16, 64, 256)]
    lines = parts(drawn(four, {}, tmp_path), "polyline")
    assert [len(each.get("points", "").split()) for each in lines] == [4]

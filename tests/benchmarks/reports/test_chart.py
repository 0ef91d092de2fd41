"""The chart of a run."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.comparison import targets
from benchmarks.reports import chart
from benchmarks.reports.results import Row
from tests.benchmarks.reports.rows import build_row


def draw_to_svg(rows: list[Row], versions: dict[str, str], folder: Path) -> ET.Element:
    file = folder / "chart.svg"
    chart.draw_chart(rows, versions, file)
    return ET.fromstring(file.read_text())  # noqa: S314 - our own chart


def parts(svg: ET.Element, kind: str) -> list[ET.Element]:
    return [each for each in svg.iter() if each.tag.endswith(kind)]


def texts(svg: ET.Element) -> list[str]:
    return ["".join(each.itertext()) for each in parts(svg, "}text")]


def test_each_target_has_a_bar_with_the_longest_first(tmp_path: Path) -> None:
    svg = draw_to_svg(
        [build_row("slow & old", 10), build_row(targets.SIMPUL.name, 40)], {"slow & old": "1.2.3"}, tmp_path
    )
    bars = parts(svg, "rect")
    assert [each.get("class") for each in bars] == ["own", "peer"]
    assert float(bars[0].get("width", 0)) == pytest.approx(4 * float(bars[1].get("width", 0)), abs=0.1)
    assert "slow & old 1.2.3" in texts(svg)


def test_a_peer_with_a_goal_shows_its_ratio_and_its_goal(tmp_path: Path) -> None:
    svg = draw_to_svg([build_row(targets.SIMPUL.name, 60), build_row(targets.APOLLO.name, 10)], {}, tmp_path)
    assert "10 Simpul 6.00x, goal 4x" in texts(svg)


def test_a_row_with_failed_requests_is_not_shown(tmp_path: Path) -> None:
    assert (
        len(parts(draw_to_svg([build_row("whole", 10), build_row("broken", 40, failed=3)], {}, tmp_path), "rect")) == 1
    )


def test_several_numbers_of_connections_have_a_line(tmp_path: Path) -> None:
    one = [build_row(targets.SIMPUL.name, 40)]
    assert parts(draw_to_svg(one, {}, tmp_path), "polyline") == []
    four = [build_row(targets.SIMPUL.name, 40.0 * count, connections=count) for count in (1, 16, 64, 256)]
    lines = parts(draw_to_svg(four, {}, tmp_path), "polyline")
    assert [len(each.get("points", "").split()) for each in lines] == [4]

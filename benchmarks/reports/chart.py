"""The chart of a run as SVG for the docs: Q3 and Q4 as bars, Q3 by connections as lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.comparison import targets
from benchmarks.reports.goals import GOALS
from benchmarks.reports.results import COMPARED_CONNECTIONS, Row

_WIDTH = 900
_LEFT = 300
_RIGHT = 190
_BAR = 16
_STEP = 24
_PLOT = 230
_TITLES = {
    "Q3": "Q3: 100 posts with their authors, two calls to the upstream",
    "README": "The README's query: five agencies of the sandbox city, cold and warm",
    "Q4": "Q4: 2,000 signed-in callers, each their own data over three upstreams",
}
_AXIS = "requests per processor second; x: what Simpul does by what the peer does"
_LINES = {
    targets.SIMPUL.name: "own",
    targets.SIMPUL_COALESCING.name: "own2",
    targets.TAILCALL_DEDUPE.name: "peer1",
    targets.MERCURIUS.name: "peer2",
    targets.APOLLO.name: "peer3",
    targets.STRAWBERRY.name: "peer4",
}
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:13px}.head{font-size:15px}"
    ".pale{fill:#667}.end{text-anchor:end}.mid{text-anchor:middle}rect.own,rect.own2{fill:#0a7f5a}"
    "rect.peer{fill:#9aa5b1}.grid{stroke:#d5dae0}polyline{fill:none;stroke-width:2}circle{stroke:none}"
    "polyline.own{stroke:#0a7f5a}circle.own{fill:#0a7f5a}"
    "polyline.own2{stroke:#0a7f5a;stroke-dasharray:6 3}circle.own2{fill:#0a7f5a}"
    "polyline.peer1{stroke:#b3541e}circle.peer1{fill:#b3541e}polyline.peer2{stroke:#2b6cb0}circle.peer2{fill:#2b6cb0}"
    "polyline.peer3{stroke:#8a4fbf}circle.peer3{fill:#8a4fbf}polyline.peer4{stroke:#77808a}circle.peer4{fill:#77808a}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.pale{fill:#9aa5b1}.grid{stroke:#444c56}"
    "rect.own,rect.own2{fill:#34c38f}rect.peer{fill:#5c6773}"
    "polyline.own,polyline.own2{stroke:#34c38f}circle.own,circle.own2{fill:#34c38f}"
    "polyline.peer1{stroke:#e8935c}circle.peer1{fill:#e8935c}polyline.peer2{stroke:#74aef0}circle.peer2{fill:#74aef0}"
    "polyline.peer3{stroke:#c39bee}circle.peer3{fill:#c39bee}polyline.peer4{stroke:#9aa5b1}circle.peer4{fill:#9aa5b1}}"
)


def draw_chart(rows: Sequence[Row], versions: Mapping[str, str], file: Path) -> None:
    """Write the chart with the targets' `versions`. It follows the reader's light or dark colour scheme."""
    whole = [row for row in rows if not row.failed_requests]
    parts: list[str] = []
    top = 50
    for query in _TITLES:
        here = [row for row in whole if row.is_at(query, COMPARED_CONNECTIONS)]
        if here:
            top = _draw_bars(parts, top, query, here, versions)
    connections = sorted({row.connections for row in whole if row.query == "Q3"})
    if len(connections) > 1:
        top = _draw_curves(parts, top, [row for row in whole if row.query == "Q3"], connections)
    head = f"Requests per processor second of the gateway, {COMPARED_CONNECTIONS} connections, one core each, one run"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" role="img" '
        f'aria-label="{escape(head)}"><style>{_STYLE}</style><text class="head" x="0" y="18">{escape(head)}</text>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(svg)


def _draw_bars(parts: list[str], top: int, query: str, rows: Sequence[Row], versions: Mapping[str, str]) -> int:
    """A bar for each target, the longest first; returns the y position of the next part."""
    here = sorted(rows, key=lambda each: -each.requests_per_cpu_second)
    found = {row.target: row.requests_per_cpu_second for row in here}
    longest = here[0].requests_per_cpu_second or 1.0
    parts.append(f'<text class="title" x="0" y="{top}">{escape(_TITLES[query])}</text>')
    parts.append(f'<text class="pale" x="{_LEFT}" y="{top + 18}">{_AXIS}</text>')
    top += 26
    for row in here:
        length = max(1.0, row.requests_per_cpu_second / longest * (_WIDTH - _LEFT - _RIGHT))
        kind = "own" if row.target.startswith("Simpul") else "peer"
        middle = top + _BAR - 4
        version = versions.get(row.target, "")
        ratio = _format_ratio(query, row.target, found)
        name = f'{escape(row.target)}<tspan class="pale"> {escape(version)}</tspan>'
        figure = f'{row.requests_per_cpu_second:,.0f}<tspan class="pale"> {escape(ratio)}</tspan>'
        parts += [
            f'<text class="end" x="{_LEFT - 8}" y="{middle}">{name}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2"/>',
            f'<text x="{_LEFT + length + 6:.1f}" y="{middle}">{figure}</text>',
        ]
        top += _STEP
    return top + 34


def _format_ratio(query: str, peer: str, found: Mapping[str, float]) -> str:
    """Simpul's ratio to a peer, and its goal if there is one."""
    if query != "Q3":
        own = found.get(targets.SIMPUL_COALESCING.name)
        return f"as served {own / found[peer]:.2f}x" if own and not peer.startswith("Simpul") and found[peer] else ""
    lines = [
        f"{goal.simpul} {found[goal.simpul] / found[peer]:.2f}x, goal {goal.factor:g}x"
        for goal in GOALS
        if (goal.query, goal.peer) == (query, peer) and found.get(goal.simpul) and found[peer]
    ]
    return "; ".join(lines)


def _draw_curves(parts: list[str], top: int, rows: Sequence[Row], connections: Sequence[int]) -> int:
    """Requests per second by number of connections, both logarithmic."""
    parts.append(f'<text class="title" x="0" y="{top}">Q3 by the number of connections</text>')
    parts.append(f'<text class="pale" x="0" y="{top + 18}">requests per second, by the clock (logarithmic)</text>')
    top += 34
    lines = {name: kind for name, kind in _LINES.items() if any(row.target == name for row in rows)}
    shown = [row for row in rows if row.target in lines and row.requests_per_second > 0]
    low = math.floor(math.log10(min(row.requests_per_second for row in shown)))
    high = math.ceil(math.log10(max(row.requests_per_second for row in shown)))
    left, right, bottom = 70, _WIDTH - 260, top + _PLOT

    def x_of(count: int) -> float:
        spread = math.log(connections[-1] / connections[0])
        return left + 20 + math.log(count / connections[0]) / spread * (right - left - 40)

    def y_of(rate: float) -> float:
        return bottom - (math.log10(rate) - low) / max(high - low, 1) * _PLOT

    for power in range(low, high + 1):
        height = y_of(10**power)
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{height:.1f}" y2="{height:.1f}"/>')
        parts.append(f'<text class="end" x="{left - 8}" y="{height + 4:.1f}">{10**power:,}</text>')
    parts += [f'<text class="mid" x="{x_of(count):.1f}" y="{bottom + 18}">{count}</text>' for count in connections]
    parts.append(f'<text class="mid pale" x="{(left + right) / 2:.1f}" y="{bottom + 38}">connections</text>')
    ends: list[tuple[float, str, str]] = []
    for name, kind in lines.items():
        points = sorted((x_of(row.connections), y_of(row.requests_per_second)) for row in shown if row.target == name)
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="{kind}" points="{drawn}"/>')
        parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
        ends.append((points[-1][1], name, kind))
    _draw_names(parts, ends, right + 6)
    return bottom + 54


def _draw_names(parts: list[str], ends: Sequence[tuple[float, str, str]], x: float) -> None:
    """The name of each line at its end, moved down if two names would overlap."""
    lowest = -math.inf
    for height, name, kind in sorted(ends):
        lowest = max(height, lowest + 16)
        parts.append(f'<circle class="{kind}" cx="{x}" cy="{lowest:.1f}" r="4"/>')
        parts.append(f'<text x="{x + 9}" y="{lowest + 4:.1f}">{escape(name)}</text>')

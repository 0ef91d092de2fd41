"""The chart of a run as SVG, for the docs: requests per processor second for Q3, and for Q4."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.results import Row

_WIDTH = 760
_LEFT = 250
_RIGHT = 90
_BAR = 18
_STEP = 26
_TITLES = {
    "Q3": "Q3: 100 posts with their authors, two calls to the upstream",
    "Q4": "Q4: 2,000 signed-in callers, each their own data over three upstreams",
}
_AT = 16


def draw(rows: Sequence[Row], file: Path) -> None:
    """Write the chart. It follows the reader's light or dark colours."""
    parts: list[str] = []
    top = 46
    for query, title in _TITLES.items():
        here = sorted(
            (row for row in rows if (row.query, row.connections) == (query, _AT)),
            key=lambda each: -each.requests_per_cpu_second,
        )
        if not here:
            continue
        parts.append(f'<text class="title" x="0" y="{top}">{escape(title)}</text>')
        top += 16
        longest = here[0].requests_per_cpu_second or 1.0
        for row in here:
            length = max(1.0, row.requests_per_cpu_second / longest * (_WIDTH - _LEFT - _RIGHT))
            kind = "own" if row.target.startswith("Simpul") else "peer"
            middle = top + _BAR / 2 + 4
            parts += [
                f'<text x="{_LEFT - 8}" y="{middle:g}" text-anchor="end">{escape(row.target)}</text>',
                f'<rect class="{kind}" x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2"/>',
                f'<text x="{_LEFT + length + 6:.1f}" y="{middle:g}">{row.requests_per_cpu_second:,.0f}</text>',
            ]
            top += _STEP
        top += 34
    style = (
        "text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:13px}.head{font-size:14px}"
        ".own{fill:#0a7f5a}.peer{fill:#9aa5b1}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}.own{fill:#34c38f}.peer{fill:#5c6773}}"
    )
    head = f"Requests per processor second of the gateway, {_AT} connections, one core each, one run"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top - 20}" role="img" '
        f'aria-label="{escape(head)}"><style>{style}</style><text class="head" x="0" y="18">{escape(head)}</text>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(svg)

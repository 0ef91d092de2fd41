"""Accessibility checks of a page, by npm `axe-core`."""

from __future__ import annotations

from functools import cache

from tests.plugins.optional_programs import node_packages
from tests.web.browser import BrowserPage

_RUN = """axe.run(document, {resultTypes: ['violations', 'incomplete'], runOnly: {type: 'tag', values: [
  'wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}}).then(found => ({
  passes: found.passes.length,
  violations: found.violations.map(each => `${each.id}: ${each.nodes.map(node => node.html).join(' ')}`)}))"""
_LEAST_PASSES = 10


@cache
def _source() -> str:
    return (node_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


async def find_violations(page: BrowserPage) -> list[str]:
    """The rules of WCAG 2.2 AA and of good practice that the loaded page violates."""
    await page.evaluate(f"{_source()}; true")
    found = await page.evaluate(_RUN)
    assert found["passes"] >= _LEAST_PASSES, "axe looked at nothing"
    broken: list[str] = found["violations"]
    return broken

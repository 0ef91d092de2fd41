"""Metrics of a running hub, scraped over HTTP."""

from __future__ import annotations

import aiohttp
from prometheus_client.parser import text_string_to_metric_families


class ScrapedMetrics:
    """What `/metrics` said, by name and values of labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._samples = {
            (each.name, *sorted(each.labels.values())): each.value
            for family in text_string_to_metric_families(text)
            for each in family.samples
        }

    def __call__(self, name: str, *labels: str) -> float | None:
        return self._samples.get((f"simpul_{name}", *sorted(labels)))


async def scrape_metrics(url: str, token: str | None = None) -> ScrapedMetrics:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics", headers=headers) as response:
        assert response.status == 200
        return ScrapedMetrics(await response.text())

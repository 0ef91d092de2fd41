"""Where a person fetches everything that the graph can reach about them."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.hub.exports import Export
from schema.declarations.publishing import publishes


@publishes(Export, rule=Rule.SELF, subject="subject", shows=("url", "parts"))
class ExportType:
    """An export in the graph."""

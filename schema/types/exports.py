"""The export of all data about a person in the graph."""

from __future__ import annotations

from auth.policy.rules import Rule
from records.hub.exports import Export
from schema.declarations.publishing import publishes


@publishes(Export, rule=Rule.SELF, subject="subject", shows=("url", "parts"))
class ExportType:
    """The published `Export`."""

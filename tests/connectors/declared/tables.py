"""Tables of manifests for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.declared.connector import DeclaredTables
from connectors.declared.driver_families import parse_reads


def parse_tables(driver: str, given: Mapping[str, Any]) -> DeclaredTables:
    """The declared tables of a manifest with this driver."""
    return DeclaredTables.model_validate({**given, "driver": driver, "reads": parse_reads(driver, given["reads"])})

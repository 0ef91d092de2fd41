"""The checked-in graph changes only on purpose."""

from graphql import build_schema, find_breaking_changes

from tests.sandbox_agencies import ROOT
from wiring.schema_tools import build_schema_sdl


def test_the_graph_matches_the_checked_in_schema_and_breaking_changes_are_named() -> None:
    checked_in = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8").strip()
    now = build_schema_sdl().strip()

    breaking = [change.description for change in find_breaking_changes(build_schema(checked_in), build_schema(now))]

    assert breaking == [], "these changes break callers"
    assert now == checked_in, "nothing breaks callers: `.venv/bin/simpul schema write`, and read the difference"

"""The files in the blocks of a page about a client: the first line of each names its file."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.pages import find_blocks
from tests.sandbox_agencies import ROOT

_NAME = re.compile(r"(?://|#) (\S+)\n")
_KINDS = ("jsonc", "ts", "python", "toml", "graphql", "graphqls", "kotlin")


def write_files(page: str, folder: Path) -> None:
    """Write the files of a page, and the graph's SDL, into a folder."""
    (folder / "schema.graphql").write_bytes((ROOT / "schema" / "schema.graphql").read_bytes())
    for block in (each for kind in _KINDS for each in find_blocks(kind)):
        name = _NAME.match(block.text)
        if block.page == f"docs/frontend/clients/{page}.md" and name is not None:
            (folder / name[1]).write_text(block.text, encoding="utf-8")

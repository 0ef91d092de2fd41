"""Each decision is a dated record of context, decision and consequence, on a page that the index lists."""

import re

import pytest

from tests.docs.pages import ROOT

FOLDER = ROOT / "docs" / "maintainers" / "decisions"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
RECORD = re.compile(
    r"[^\n]+\n\n\d{4}-\d\d-\d\d(?:, [^\n]+)?\n\n- Context: .+?\n- Decision: .+?\n- Consequence: .+", re.DOTALL
)
RECORDS = [
    pytest.param(record, id=f"{page.stem}: {record.splitlines()[0]}")
    for page in PAGES
    for record in page.read_text(encoding="utf-8").split("\n## ")[1:]
]


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_has_a_date_a_context_a_decision_and_a_consequence(record: str) -> None:
    assert RECORD.fullmatch(record.strip())


def test_an_incomplete_record_is_refused() -> None:
    complete = "Title\n\n2026-11-24\n\n- Context: a.\n- Decision: b.\n- Consequence: c."
    assert RECORD.fullmatch(complete)
    assert not RECORD.fullmatch(complete.replace("2026-11-24\n\n", ""))
    assert not RECORD.fullmatch(complete.replace("- Decision: b.\n", ""))


def test_the_index_lists_every_page_and_no_other() -> None:
    listed = re.findall(
        r"^\| \[[^\]]+\]\(([\w-]+\.md)\)", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == [page.name for page in PAGES]

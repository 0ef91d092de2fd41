"""The glossary is easy to search: one entry a word, in alphabetical order, and every page for readers links to it."""

import re

import pytest

from tests.docs.pages import read_pages

GLOSSARY = read_pages("docs/glossary.md")
TABLES = {
    section.splitlines()[0]: re.findall(r"^\| (?!word |term |---)([^|]+?) \|", section, re.MULTILINE)
    for section in GLOSSARY.split("\n## ")[1:]
}


@pytest.mark.parametrize("title", TABLES)
def test_the_words_of_a_table_are_in_alphabetical_order(title: str) -> None:
    assert TABLES[title] == sorted(TABLES[title], key=str.lower)


def test_a_word_has_one_entry() -> None:
    words = [word.strip() for entries in TABLES.values() for entry in entries for word in entry.split(",")]
    assert len(words) > 80
    assert sorted(set(words)) == sorted(words)


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/README.md"])
def test_a_page_for_newcomers_links_to_the_glossary(page: str) -> None:
    assert re.search(r"\]\((?:docs/)?glossary\.md\)", read_pages(page))


@pytest.mark.parametrize("reader", ["agencies", "frontend", "maintainers", "operators", "partners"])
def test_the_start_page_of_each_reader_links_to_the_glossary(reader: str) -> None:
    assert "](../glossary.md)" in read_pages(f"docs/{reader}/README.md")

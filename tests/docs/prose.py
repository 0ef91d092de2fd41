"""Finds prose: paragraphs and table cells of Markdown, docstrings and comments of Python, and its sentences."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

REFUSED = (
    "anew",
    "at once",
    "dear",
    "is none",
    "led",
    "mend",
    "of its own",
    "reckoned",
    "so many",
    "stands in",
    "thereof",
    "told",
    "wards",
    "who asks",
    "whoever",
    "whom",
)
"""Words of the project's former dialect. Plainer ones: `asked again`, `concurrently` or `immediately`, `the caller`."""
_REFUSED = re.compile(
    r"\b(?:" + "|".join(re.escape(each).replace(r"\ ", r"\s+") for each in REFUSED) + r")\b", re.IGNORECASE
)
_ALLOWED = re.compile(r"\bis None\b|\b[Tt]here is none\b")
"""Python's None, and the end of a sentence that names a thing before."""
_FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_HTML_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ADDRESS = re.compile(r"<?https?://\S+")
_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.) |^\s+(?=\w+: \S)")
"""An item of a list, or an argument in a docstring."""
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[\"'(*_]*[A-Z0-9`])")
_COMMENT = re.compile(r"(?:^|\s)#\s(.*)$")
_WORD = re.compile(r"[^\W_][\w'.,/-]*")
_NO_END = re.compile(r"\b(?:e\.g|i\.e|art|no|cf|vs)\.$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prose:
    """A piece of prose: a paragraph, an item of a list, a cell of a table, a docstring or a block of comments."""

    place: str
    line: int
    text: str
    is_running_text: bool
    """Whether it consists of sentences. Headings and cells of tables need not."""

    def find_refused(self) -> list[str]:
        """The refused words in it, in lower case."""
        return [" ".join(match[0].lower().split()) for match in _REFUSED.finditer(_ALLOWED.sub("", self.text))]

    def split_sentences(self) -> list[str]:
        """Its sentences; none if it is not running text."""
        if not self.is_running_text:
            return []
        parts = _SENTENCE_END.split(self.text)
        joined: list[str] = []
        for part in parts:
            if joined and _NO_END.search(joined[-1]):
                joined[-1] = f"{joined[-1]} {part}"
            else:
                joined.append(part)
        return [each for each in joined if count_words(each)]


def count_words(sentence: str) -> int:
    """The words of a sentence; a piece of code counts as one."""
    return len(_WORD.findall(sentence))


def read_markdown(text: str, place: str) -> Iterator[Prose]:
    """The prose of a Markdown page. Fenced blocks, inline code and addresses are not prose."""
    for pattern in (_FENCE, _HTML_COMMENT):
        text = pattern.sub(lambda match: "\n" * match[0].count("\n"), text)
    text = _CODE.sub(lambda match: "CODE" + "\n" * match[0].count("\n"), text)
    text = _ADDRESS.sub("ADDRESS", _LINK.sub(r"\1", text))
    paragraph: list[str] = []
    start = 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        is_single = line.lstrip().startswith(("|", "#"))
        if paragraph and (is_single or not line.strip() or _ITEM.match(line)):
            yield Prose(place, start, " ".join(paragraph), is_running_text=True)
            paragraph = []
        if is_single:
            for cell in line.strip(" |#").split("|"):
                yield Prose(place, number, cell.strip(), is_running_text=False)
        elif line.strip():
            start = number if not paragraph else start
            paragraph.append(_ITEM.sub("", line).strip())


def read_python(source: str, place: str) -> Iterator[Prose]:
    """The docstrings, comments, texts and test names of a module; only docstrings count as running text."""
    docstrings = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docstrings.add(node.value)
            for each in read_markdown(node.value.value, place):
                yield Prose(place, node.lineno + each.line - 1, each.text, is_running_text=each.is_running_text)
        elif isinstance(node, ast.Constant) and node not in docstrings and isinstance(node.value, str):
            if " " in node.value.strip():
                yield Prose(place, node.lineno, node.value, is_running_text=False)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield Prose(
                place, node.lineno, node.name.replace("_", " ").replace(" none", " None"), is_running_text=False
            )
    comments = [
        (token.start[0], token.string.lstrip("# "))
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    for _, block in groupby(enumerate(comments), key=lambda each: each[1][0] - each[0]):
        lines = [comment for _, comment in block]
        text = _CODE.sub("CODE", " ".join(comment for _, comment in lines))
        yield Prose(place, lines[0][0], text, is_running_text=False)


def read_comments(text: str, place: str) -> Iterator[Prose]:
    """The comments of a script or configuration file, which begin with a number sign."""
    comments = [
        (number, match[1])
        for number, line in enumerate(text.splitlines(), 1)
        if (match := _COMMENT.search(line)) and not line.startswith("#!")
    ]
    for _, block in groupby(enumerate(comments), key=lambda each: each[1][0] - each[0]):
        lines = [comment for _, comment in block]
        yield Prose(place, lines[0][0], " ".join(text for _, text in lines), is_running_text=False)


def read_modules(folder: Path, root: Path) -> Iterator[Prose]:
    """The prose of all modules of a folder, or of one module."""
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else (folder,):
        yield from read_python(path.read_text(encoding="utf-8"), str(path.relative_to(root)))


def measure(prose: Iterable[Prose]) -> tuple[int, float]:
    """The number of sentences, and their average number of words."""
    lengths = [count_words(sentence) for each in prose for sentence in each.split_sentences()]
    return len(lengths), sum(lengths) / len(lengths) if lengths else 0.0

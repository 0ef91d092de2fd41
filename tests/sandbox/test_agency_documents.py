"""The examples in the agencies' interface documents are real answers of the agencies."""

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.recordings import FOLDER

DOCUMENTS = Path(__file__).resolve().parents[2] / "docs" / "agencies"
BLOCK = re.compile(r"<!-- (recorded|shortened): (\S+) -->\n```(json|xml)\n(.*?)\n```", re.DOTALL)


def within(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """A JSON value and everything inside it."""
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from chain.from_iterable(within(one) for one in inner)


def shortened(value: Any) -> Any:  # noqa: ANN401 - JSON
    return {**value, "recaps": value["recaps"][:2]} if isinstance(value, dict) and "recaps" in value else value


def squeezed(text: str) -> str:
    return re.sub(r">\s+<", "><", text)


EXAMPLES = [
    (name, *block)
    for name in ("pbb", "crm", "pangan")
    for block in BLOCK.findall((DOCUMENTS / f"{name}.md").read_text("utf-8"))
]


@pytest.mark.parametrize(("document", "kind", "recording", "form", "text"), EXAMPLES, ids=lambda part: str(part)[:30])
def test_an_example_is_part_of_a_recorded_answer(
    document: str, kind: str, recording: str, form: str, text: str
) -> None:
    assert recording.startswith(f"{document}_")
    if form == "xml":
        assert squeezed(text) in squeezed((FOLDER / recording).read_text("latin-1"))
    else:
        values = within(json.loads((FOLDER / recording).read_bytes()))
        assert json.loads(text) in (map(shortened, values) if kind == "shortened" else values)


@pytest.mark.parametrize("document", ["pbb", "crm", "pangan"])
def test_every_document_has_examples(document: str) -> None:
    assert len([example for example in EXAMPLES if example[0] == document]) >= 4

from __future__ import annotations

import pytest

from connectors.readers.rows import row, rows
from connectors.readers.unreadable import UnreadableError


def test_a_list_of_objects_is_read() -> None:
    assert rows([{"a": 1}, {}]) == ({"a": 1}, {})


@pytest.mark.parametrize("raw", [None, {}, "[]", 5, [1], [None], [[]]])
def test_other_values_are_not_a_list_of_objects(raw: object) -> None:
    with pytest.raises(UnreadableError, match=r"^not readable as a list of markets$"):
        rows(raw, "a list of markets")


@pytest.mark.parametrize("raw", [None, [], "{}", 5])
def test_other_values_are_not_an_object(raw: object) -> None:
    with pytest.raises(UnreadableError, match=r"^not readable as an object$"):
        row(raw)

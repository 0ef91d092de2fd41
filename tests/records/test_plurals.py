import pytest

from records.plurals import count_noun


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (21, "21 days"), (-1, "-1 days")]
)
def test_only_one_is_singular(number: int, text: str) -> None:
    assert count_noun(number, "day") == text


def test_an_irregular_plural_is_given() -> None:
    assert [count_noun(number, "person", "people") for number in (1, 2)] == ["1 person", "2 people"]

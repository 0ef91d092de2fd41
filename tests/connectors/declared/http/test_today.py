"""`{today}` in a request is the day in the city, at the time of the call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.declared import templates
from connectors.declared.templates import EXPRESSION_NAMES, TemplateWriter


class _Clock(datetime):
    """A clock that stands at the last hour of a day in UTC, which is the next morning in Jakarta."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:  # noqa: ANN401 - as `datetime.now`
        return datetime(2026, 11, 29, 23, 30, tzinfo=UTC).astimezone(tz)


@pytest.mark.parametrize("is_path", [False, True])
def test_it_is_the_day_in_the_city_and_needs_no_key(monkeypatch: pytest.MonkeyPatch, *, is_path: bool) -> None:
    monkeypatch.setattr(templates, "datetime", _Clock)
    writer = TemplateWriter({}, {}, page={}, sends_numbers=False)
    expression = writer.write("reads.a.path", "peserta/{today}", is_path=is_path)
    assert eval(expression, dict(EXPRESSION_NAMES)) == "peserta/2026-11-30"  # noqa: S307 - of this test
    assert writer.used == {"today"}  # so the request is built for each call


def test_a_parameter_with_it_is_sent_for_the_first_page_too() -> None:
    writer = TemplateWriter({}, {}, page={"cursor": "page"}, sends_numbers=False)
    expression = writer.write_parameters("reads.a.query", {"day": "{today}", "next": "{cursor}"})
    assert list(eval(expression, {**EXPRESSION_NAMES, "page": None})) == ["day"]  # noqa: S307 - of this test

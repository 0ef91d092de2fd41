"""Durations in a manifest: `"30 s"`, `"5 min"`, `"12 h"`, `"7 d"`."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

_DURATION: Final = re.compile(r"(\d{1,6}) ?(s|min|h|d)", re.ASCII)
_SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}


def _parse_duration(value: object) -> object:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write a duration as "30 s", "5 min", "12 h" or "7 d"')
    return int(match[1]) * _SECONDS[match[2]]


Duration = Annotated[
    float,
    BeforeValidator(_parse_duration),
    Field(gt=0),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
"""Seconds."""


def describe_duration(seconds: float) -> str:
    """The duration as people read it: `2 d 4 h`, `5 min`."""
    minutes = int(seconds // 60)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"

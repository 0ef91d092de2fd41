"""Findings of a settings check, printed in one line each, without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from settings import Settings
from settings.city.problems import CityProblem

NOT_SHOWN = "not shown"
NOT_SET = "not set"
_MAX_LENGTH = 80
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")


class FindingLevel(Enum):
    """The severity of a finding."""

    PROBLEM = "problem"
    """The hub does not start, or does not do its job."""
    WARNING = "warning"
    """Legal, but risky."""
    GOOD = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding of the check."""

    level: FindingLevel
    name: str
    """The name of the setting or of the checked service."""
    value: str = ""
    """The value, without secrets."""
    message: str
    """The fault and its fix."""

    def __str__(self) -> str:
        """The finding in one line."""
        value = f" ({self.value})" if self.value else ""
        return f"{self.level.value:<8} {self.name}{value}: {' '.join(self.message.split())}"

    def as_json(self) -> Mapping[str, str]:
        """The finding as a JSON object."""
        return {"level": self.level.value, "name": self.name, "value": self.value, "says": self.message}


def describe_city_problem(city: object, problem: CityProblem, level: FindingLevel = FindingLevel.PROBLEM) -> Finding:
    """A finding in a manifest. One about a value from the environment has the name of its variable."""
    variable = problem.variable
    if variable is None:
        return Finding(level=level, name="SIMPUL_CITY", value=str(city), message=str(problem))
    value = NOT_SHOWN if os.environ.get(variable) else NOT_SET
    message = f"{problem.text} ({problem.path}:{problem.line})"
    return Finding(level=level, name=variable, value=value, message=message)


def variable_name(field: str) -> str:
    """The environment variable of a setting."""
    return f"SIMPUL_{field.upper()}"


def is_secret(field: FieldInfo) -> bool:
    """Whether the value of the setting must never be printed."""
    return "SecretStr" in str(field.annotation)


def format_value(field: str, text: str | None) -> str:
    """The printable form of a setting's text."""
    info = Settings.model_fields.get(field)
    if text is None:
        return NOT_SET
    if info is None or is_secret(info):
        return NOT_SHOWN
    text = _CREDENTIALS.sub("", " ".join(text.split()))
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}..."


def format_setting(settings: Settings, field: str) -> str:
    """The printable form of a setting's value, set or default."""
    value = getattr(settings, field)
    match value:
        case None | ():
            return NOT_SET
        case SecretStr():
            return NOT_SHOWN
        case bool():
            return str(value).lower()
        case tuple():
            return format_value(
                field, " ".join(str(getattr(each, "name", None) or getattr(each, "agency", each)) for each in value)
            )
        case Enum():
            return str(value.value)
        case _:
            return format_value(field, str(value))

"""What a check of the settings finds, and how it is told: one line each, never with a secret's value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from settings import Settings

NOT_SHOWN = "not shown"
NOT_SET = "not set"
_MAX_LENGTH = 80
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")


class FindingLevel(Enum):
    """How bad it is."""

    PROBLEM = "problem"
    """The hub does not start so, or does not do what it is for."""
    WARNING = "warning"
    """It is legal, and unwise."""
    GOOD = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found."""

    level: FindingLevel
    name: str
    """Of the setting, or of what was asked."""
    value: str = ""
    """As it may be shown."""
    message: str
    """What is wrong with it, and the mend."""

    def __str__(self) -> str:
        """In one line."""
        value = f" ({self.value})" if self.value else ""
        return f"{self.level.value:<8} {self.name}{value}: {' '.join(self.message.split())}"

    def as_json(self) -> Mapping[str, str]:
        """Its members."""
        return {"level": self.level.value, "name": self.name, "value": self.value, "says": self.message}


def variable_name(field: str) -> str:
    """The variable that sets a setting."""
    return f"SIMPUL_{field.upper()}"


def is_secret(field: FieldInfo) -> bool:
    """Whether its value is never shown."""
    return "SecretStr" in str(field.annotation)


def format_value(field: str, text: str | None) -> str:
    """What may be shown of a setting's text."""
    info = Settings.model_fields.get(field)
    if text is None:
        return NOT_SET
    if info is None or is_secret(info):
        return NOT_SHOWN
    text = _CREDENTIALS.sub("", " ".join(text.split()))
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}..."


def format_setting(settings: Settings, field: str) -> str:
    """What may be shown of the value that a setting has, be it given or not."""
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

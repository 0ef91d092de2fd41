"""Values that a manifest takes from elsewhere: `${SIMPUL_NAME}` from the environment, `${file:/path}` from a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")
_VARIABLE: Final = re.compile(r"SIMPUL_[A-Z0-9_]+")
_FILE: Final = "file:"
_TABLES: Final = ("wire", "options", "probe")
_MAX_SECRET_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class UnresolvedReference:
    """A reference that leads to no value."""

    keys: Sequence[str]
    text: str
    variable: str | None = None


@dataclass(slots=True)
class ReferenceResolver:
    """Replaces references by their values, in every text of a manifest."""

    environment: Mapping[str, str] | None
    """None to check references, and leave them as they are."""
    unresolved: list[UnresolvedReference] = field(default_factory=list)

    def resolve(self, value: Any, keys: Sequence[str] = ()) -> Any:  # noqa: ANN401 - any TOML
        """The value with its references replaced. Collects those that lead nowhere, which stay as they are."""
        if isinstance(value, dict):
            return {name: self.resolve(each, (*keys, name)) for name, each in value.items()}
        if isinstance(value, list):
            return [self.resolve(each, keys) for each in value]
        if not isinstance(value, str) or "${" not in value:
            return value
        if keys[0] not in _TABLES or keys[-1] == "driver":
            text = f"'${{' is allowed in the values of {', '.join(_TABLES)} only; write the value itself"
            self.unresolved.append(UnresolvedReference(keys, text))
            return value
        if value.count("${") != len(_REFERENCE.findall(value)):
            self.unresolved.append(UnresolvedReference(keys, "a '${' without its '}'"))
            return value
        return _REFERENCE.sub(lambda match: self._read(match, keys), value)

    def _read(self, match: re.Match[str], keys: Sequence[str]) -> str:
        name, raw = match[1], match[0]
        if name.startswith(_FILE):
            return self._read_file(Path(name.removeprefix(_FILE)), raw, keys)
        if not _VARIABLE.fullmatch(name):
            text = f"'{name}' is not a variable of the hub: write ${{SIMPUL_NAME}} or ${{file:/path}}"
            self.unresolved.append(UnresolvedReference(keys, text))
        elif self.environment is not None:
            if found := self.environment.get(name):
                return found
            self.unresolved.append(UnresolvedReference(keys, f"{name} is not set", name))
        return raw

    def _read_file(self, path: Path, raw: str, keys: Sequence[str]) -> str:
        if not path.is_absolute():
            self.unresolved.append(UnresolvedReference(keys, f"'{path}': name the file from the root: ${{file:/path}}"))
            return raw
        if self.environment is None:
            return raw
        try:
            with path.open("rb") as file:
                content = file.read(_MAX_SECRET_BYTES + 1)
            text = content.decode("utf-8").rstrip("\r\n")
        except OSError as error:
            reason = error.strerror or "no file"
        except UnicodeDecodeError:
            reason = "it is not UTF-8"
        else:
            if len(content) <= _MAX_SECRET_BYTES:
                return text
            reason = f"it is larger than {_MAX_SECRET_BYTES} bytes"
        self.unresolved.append(UnresolvedReference(keys, f"the file '{path}' cannot be read: {reason}"))
        return raw


def list_variables(text: str) -> Iterator[str]:
    """The environment variables that a text names."""
    return (name for name in _REFERENCE.findall(text) if _VARIABLE.fullmatch(name))

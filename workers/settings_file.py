r"""A settings file in the format of systemd's `EnvironmentFile=` (systemd.exec(5)), read again at every reload.

One `NAME=value` per line. Empty lines, and lines that begin with `#` or `;`, are ignored. In single quotes, every
character stands for itself, including the end of a line. In double quotes, a backslash escapes `"`, `\`, the backtick
and `$`. Outside quotes, a backslash escapes the next character; at the end of a line, it continues the value on the
next line. Variables are not expanded. A line that systemd would skip as invalid is an error here.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_COMMENT = re.compile(r"[#;](?:\\.|[^\n\\])*", re.DOTALL)
_BEFORE_VALUE = re.compile(r"[^=\n]*")
_ESCAPABLE_IN_QUOTES = '"\\`$'


class SettingsFileError(ValueError):
    """The settings file cannot be used; the text names the file, the line and the fix, but no value."""


def read_settings_file(path: Path) -> dict[str, str]:
    """Reads the variables that the file sets. Raises SettingsFileError."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        raise SettingsFileError(f"the settings file {path} cannot be read: {why}") from None
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if comment := _COMMENT.match(text, at):
            at = comment.end()
            continue
        line = text.count("\n", 0, at) + 1
        name_match = _BEFORE_VALUE.match(text, at)
        name, end = (name_match.group().strip(), name_match.end()) if name_match else ("", at)
        if not _NAME.match(name) or text[end : end + 1] != "=":
            raise SettingsFileError(f"{path}, line {line}: write it as NAME=value, or begin it with '#'")
        value = _ParsedValue(text, end + 1)
        if value.open_quote:
            raise SettingsFileError(f"{path}, line {line}: {name} has a quote that is not closed")
        found[name] = value.text
        at = value.end
    return found


class _ParsedValue:
    """The value that begins at an offset of the text, and where it ends."""

    def __init__(self, text: str, at: int) -> None:
        self._parts: list[str] = []
        self._kept_parts = 0
        """The number of parts that trailing-space removal keeps: in quotes, or after a backslash."""
        self.open_quote = ""
        """The quote character that is open; empty outside quotes."""
        may_open = True
        while at < len(text) and (self.open_quote or text[at] != "\n"):
            char, following = text[at], text[at + 1 : at + 2]
            at += 1
            if char == self.open_quote:
                self.open_quote, may_open = "", True
            elif char == "\\" and self.open_quote != "'" and following:
                at += 1
                self._add_escaped(following)
                may_open = False
            elif self.open_quote:
                self._add_kept(char)
            elif may_open and char in "'\"":
                self.open_quote = char
            elif not (may_open and char.isspace()):
                self._parts.append(char)
                may_open = False
        self.end = at

    @property
    def text(self) -> str:
        """The value without its quotes, and without surrounding spaces."""
        return "".join(self._parts[: self._kept_parts]) + "".join(self._parts[self._kept_parts :]).rstrip()

    def _add_escaped(self, char: str) -> None:
        if char == "\n":
            return
        if self.open_quote and char not in _ESCAPABLE_IN_QUOTES:
            self._add_kept("\\")
        self._add_kept(char)

    def _add_kept(self, char: str) -> None:
        self._parts.append(char)
        self._kept_parts = len(self._parts)

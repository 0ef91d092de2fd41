r"""A file of settings, in the form of systemd's `EnvironmentFile=` (systemd.exec(5)), read anew at every reload.

One `NAME=value` a line. Lines that are empty, or begin with `#` or `;`, say nothing. A value may stand in single
quotes, in which everything is itself, also the end of a line; or in double quotes, in which a backslash makes `"`, `\`,
the backtick and `$` themselves. Elsewhere a backslash makes the next character itself, and goes on with the next line
at the end of one. Nothing is replaced by the value of another variable. What systemd passes over is refused.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_REMARK = re.compile(r"[#;](?:\\.|[^\n\\])*", re.DOTALL)
_BEFORE_VALUE = re.compile(r"[^=\n]*")
_ITSELF_IN_QUOTES = '"\\`$'


class WrongFile(ValueError):  # noqa: N818 - names the condition
    """The file of settings cannot be used; the text names it, the line and the mend, and no value."""


def settings_in(path: Path) -> dict[str, str]:
    """Each variable that the file sets. Raises WrongFile."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is no UTF-8 text"
        raise WrongFile(f"the file of settings {path} cannot be read: {why}") from None
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if remark := _REMARK.match(text, at):
            at = remark.end()
            continue
        line = text.count("\n", 0, at) + 1
        given = _BEFORE_VALUE.match(text, at)
        name, end = (given.group().strip(), given.end()) if given else ("", at)
        if not _NAME.match(name) or text[end : end + 1] != "=":
            raise WrongFile(f"{path}, line {line}: write it as NAME=value, or begin it with '#'")
        value = _Value(text, end + 1)
        if value.open:
            raise WrongFile(f"{path}, line {line}: {name} has a quote that is not closed")
        found[name] = value.text
        at = value.end
    return found


class _Value:
    """The value that begins at a place of a text, and where it ends."""

    def __init__(self, text: str, at: int) -> None:
        self._parts: list[str] = []
        self._surely = 0
        """Parts that stay though they may be spaces: in quotes, or after a backslash."""
        self.open = ""
        """The quote that is open."""
        may_open = True
        while at < len(text) and (self.open or text[at] != "\n"):
            char, following = text[at], text[at + 1 : at + 2]
            at += 1
            if char == self.open:
                self.open, may_open = "", True
            elif char == "\\" and self.open != "'" and following:
                at += 1
                self._escaped(following)
                may_open = False
            elif self.open:
                self._keep(char)
            elif may_open and char in "'\"":
                self.open = char
            elif not (may_open and char.isspace()):
                self._parts.append(char)
                may_open = False
        self.end = at

    @property
    def text(self) -> str:
        """The value without its quotes, and without spaces around it."""
        return "".join(self._parts[: self._surely]) + "".join(self._parts[self._surely :]).rstrip()

    def _escaped(self, char: str) -> None:
        if char == "\n":
            return
        if self.open and char not in _ITSELF_IN_QUOTES:
            self._keep("\\")
        self._keep(char)

    def _keep(self, char: str) -> None:
        self._parts.append(char)
        self._surely = len(self._parts)

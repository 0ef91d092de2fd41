"""A wrong key of a declared command is named with its file, its line and the fix, when the file is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings.city.folder import DEFAULT_CITY
from settings.city.manifest import ManifestFile
from settings.city.problems import ManifestError
from tests.fakes.city import VARIABLES

CRM = (DEFAULT_CITY / "agencies" / "crm.toml").read_text(encoding="utf-8")
COMMENT = "[commands.comment_complaint]"


def change(old: str, new: str) -> str:
    """The manifest of the complaint system with a change of its comments."""
    before, mark, after = CRM.partition(COMMENT)
    assert old in after
    return before + mark + after.replace(old, new, 1)


def find_line(text: str, start: str) -> int:
    """The line of the comments' table that begins so."""
    lines = text.splitlines()
    begin = lines.index(COMMENT)
    return next(n for n, each in enumerate(lines, start=1) if n > begin and each.startswith(start))


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("lookup =", "lookups =", "lookups", "commands.comment_complaint.lookups: unknown key; write lookup"),
        ('lookup = "reference"', 'lookup = "perhaps"', "lookup", "commands.comment_complaint.lookup:"),
        ("refused.status = { 400", "refused.status = { 500", "refused", "commands.comment_complaint.refused.status"),
        ("refused.status = { 400", "refused.status = { 403", "refused", "HTTP 403 is about the hub's call"),
        ('settle = "30 s"', 'settle = "soon"', "settle", "commands.comment_complaint.settle: not a duration"),
        ('reference = "reference", id', "id", "find", "commands.comment_complaint.find.reference"),
    ],
)
def test_a_wrong_key_is_named_when_the_file_is_read(
    tmp_path: Path, old: str, new: str, line: str, problem: str
) -> None:
    text = change(old, new)
    path = tmp_path / "agencies" / "crm.toml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError) as refusal:
        ManifestFile.load(path, VARIABLES)
    assert f"crm.toml:{find_line(text, line)}: " in str(refusal.value)
    assert problem in str(refusal.value)

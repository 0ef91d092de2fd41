"""Settings files are parsed as by systemd (systemd.exec(5), "EnvironmentFile=")."""

from pathlib import Path

import pytest

from workers.settings_file import SettingsFileError, read_settings_file


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("A = b ", "b"),
        ("A=b c", "b c"),
        ("A=b # c", "b # c"),
        ("A=b=c", "b=c"),
        ("A='b  $c \\ \"'", 'b  $c \\ "'),
        ('A="b \\" \\\\ \\$ \\`"', 'b " \\ $ `'),
        ('A="b \\n"', "b \\n"),
        ("A=b\\ c", "b c"),
        ("A=postgresql://a:p%25@h/x", "postgresql://a:p%25@h/x"),
        ("A=one \\\ntwo", "one two"),
        ("A=it's", "it's"),
        ("A='it'\"'\"'s' ", "it's"),
        ('A="one\ntwo"', "one\ntwo"),
        ("#A=x\\\nA=still a remark\nA=b", "b"),
    ],
)
def test_values_are_parsed_as_by_systemd(tmp_path: Path, line: str, value: str) -> None:
    (tmp_path / "hub.env").write_text(f"# a remark\n\n; another\n{line}\nB=after\n")
    assert read_settings_file(tmp_path / "hub.env") == {"A": value, "B": "after"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("A=b\nsecret-word", "line 2: write it as NAME=value, or begin it with '#'"),
        ("A=b\n1A=secret-word", "line 2: write it as NAME=value, or begin it with '#'"),
        ('A=b\n\nC="secret-word', "line 3: C has a quote that is not closed"),
    ],
)
def test_an_invalid_line_is_refused_with_its_number_and_without_its_value(
    tmp_path: Path, text: str, wrong: str
) -> None:
    (tmp_path / "hub.env").write_text(text)
    with pytest.raises(SettingsFileError) as refused:
        read_settings_file(tmp_path / "hub.env")
    assert str(refused.value) == f"{tmp_path / 'hub.env'}, {wrong}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsFileError) as refused:
        read_settings_file(tmp_path / "hub.env")
    assert str(refused.value) == (f"the settings file {tmp_path / 'hub.env'} cannot be read: No such file or directory")

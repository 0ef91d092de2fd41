"""The project states its licence, how to report a vulnerability, and its metadata for catalogues."""

import re

from tests.docs.pages import ROOT, read_pages

MANDATORY = {
    "publiccodeYmlVersion",
    "name",
    "url",
    "platforms",
    "categories",
    "developmentStatus",
    "softwareType",
    "description/en/shortDescription",
    "description/en/longDescription",
    "description/en/features",
    "legal/license",
    "maintenance/type",
    "localisation/localisationReady",
    "localisation/availableLanguages",
}
"""The mandatory keys of version 0 of the standard (publiccode.yml, "The Standard (core)")."""


def read_publiccode() -> dict[str, str]:
    """The scalars of publiccode.yml by path, such as `legal/license`; sections and lists have an empty text."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (ROOT / "publiccode.yml").read_text(encoding="utf-8").splitlines():
        if (entry := re.fullmatch(r"( *)(\w+):(?: (.*))?", line)) is not None:
            depth = len(entry[1])
            above = [each for each in above if each[0] < depth]
            found["/".join((*(name for _, name in above), entry[2]))] = (entry[3] or "").strip('"')
            above.append((depth, entry[2]))
    return found


def test_publiccode_yml_has_every_mandatory_key_with_a_valid_value() -> None:
    found = read_publiccode()
    assert MANDATORY - set(found) == set()
    assert re.fullmatch(r"0\.\d+", found["publiccodeYmlVersion"])
    assert found["url"].startswith("https://")
    assert found["developmentStatus"] in {"concept", "development", "beta", "stable", "obsolete"}
    assert found["softwareType"] == "standalone/backend"
    assert found["maintenance/type"] in {"internal", "contract", "community", "none"}
    assert found["localisation/localisationReady"] in {"true", "false"}
    assert 0 < len(found["description/en/shortDescription"]) <= 150


def test_the_licence_is_the_same_in_every_place() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in licence
    assert read_publiccode()["legal/license"] == "Apache-2.0"
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for file in ("LICENSE", "SECURITY.md", "publiccode.yml"):
        assert f"]({file})" in read_pages("README.md")

"""The set of agencies is data: product code names none of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from settings.city.folder import DEFAULT_CITY, load_city

ROOT = Path(__file__).parents[1]
FOLDERS = (
    *("auth", "benchmarks", "cache", "cli", "connectors", "deploy", "engine", "records", "resolvers", "schema"),
    *("scripts", "services", "settings", "store", "telemetry", "web", "wiring", "workers"),
)
_PAYMENT = "the Indonesian word for a payment"
ALLOWED = {
    "cli/agencies/onboarding/synonyms.py": _PAYMENT,
    "cli/breach/letters.py": _PAYMENT,
    "records/city_services.py": _PAYMENT,
    "services/consents/consent_text.py": _PAYMENT,
    "records/regions.py": "a code system of regions, which is no agency",
}
"""Files that name an agency, and why. The list only gets shorter."""


def find_agency_names(root: Path) -> Iterator[str]:
    """Python files with the code of an agency, as a word or a part of a name."""
    codes = "|".join(load_city(DEFAULT_CITY).manifests)
    code = re.compile(rf"(?<![A-Za-z])(?:{codes})(?![A-Za-z])")
    files = [root / "server.py", *(path for name in FOLDERS for path in (root / name).rglob("*.py"))]
    for path in files:
        if path.is_file() and code.search(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(root))


def test_no_product_code_names_an_agency() -> None:
    assert sorted(find_agency_names(ROOT)) == sorted(ALLOWED)


def test_a_planted_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "wiring").mkdir()
    for name, text in {"a": "PBB = 'property tax'", "b": "settings.pbb_url", "c": 'Gate("crm")', "d": "crmx"}.items():
        (tmp_path / "wiring" / f"{name}.py").write_text(text)
    assert sorted(find_agency_names(tmp_path)) == ["wiring/b.py", "wiring/c.py"]

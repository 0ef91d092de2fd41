"""The JSON Schemas of city files: editors accept what the hub accepts, and mark what it refuses."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from connectors.declared.driver_families import DRIVER_FAMILIES
from settings.city.folder import DEFAULT_CITY

CITIES = DEFAULT_CITY.parent
MANIFESTS = sorted(CITIES.glob("*/agencies/*.toml"))
JAKPRENEUR = DEFAULT_CITY / "agencies" / "jakpreneur.toml"
CRM = DEFAULT_CITY / "agencies" / "crm.toml"
PANGAN = DEFAULT_CITY / "agencies" / "pangan.toml"


def read(text: str) -> Any:  # noqa: ANN401 - any TOML
    """The text as an editor hands it to a schema: days and times as texts."""

    def convert(value: object) -> object:
        if isinstance(value, dict):
            return {key: convert(each) for key, each in value.items()}
        if isinstance(value, list):
            return [convert(each) for each in value]
        return value.isoformat() if isinstance(value, date | datetime | time) else value

    return convert(tomllib.loads(text))


def find_problems(schema: str, text: str) -> Iterator[str]:
    validator = Draft202012Validator(json.loads((CITIES / schema).read_text()))
    for each in validator.iter_errors(read(text)):
        yield f"{'.'.join(map(str, each.absolute_path))}: {each.message}"


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_manifest_names_the_schema_and_passes_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#:schema ../../manifest.schema.json\n")
    assert list(find_problems("manifest.schema.json", text)) == []


@pytest.mark.parametrize("path", sorted(CITIES.glob("*/city.toml")), ids=lambda path: str(path.parts[-2]))
def test_every_city_names_the_schema_and_passes_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#:schema ../city.schema.json\n")
    assert list(find_problems("city.schema.json", text)) == []


def test_the_schemas_are_schemas_and_every_driver_is_in_them() -> None:
    for path in CITIES.glob("*.schema.json"):
        Draft202012Validator.check_schema(json.loads(path.read_text()))
    definitions = json.loads((CITIES / "manifest.schema.json").read_text())["$defs"]
    tables = [each.__name__ for family in DRIVER_FAMILIES.values() for each in family.list_tables()]
    assert [name for name in tables if name not in definitions] == []


@pytest.mark.parametrize(
    ("path", "old", "new", "place"),
    [
        (JAKPRENEUR, 'key = "nik"', 'key = "nik"\nkeey = "nik"', "reads.msmes_of"),
        (JAKPRENEUR, 'key = "nik"', "key = 5", "reads.msmes_of.key"),
        (JAKPRENEUR, 'key = "nik"', 'key = "nik"\nrows = "data"', "reads.msmes_of"),
        (PANGAN, 'rows = "data"', 'rows = "data"\nstatement = "SELECT 1"', "reads.market_lists"),
        (JAKPRENEUR, 'stage = "live"', 'stage = "ready"', "stage"),
        (JAKPRENEUR, 'read = "phone"', 'reader = "phone"', "records.Msme.phone"),
        (JAKPRENEUR, "retries = 1", "retries = 9", "terms.retries"),
        (JAKPRENEUR, "[terms.breaker]", '[[terms.closed]]\nfrom = "8am"\n[terms.breaker]', "terms.closed.0.from"),
        (JAKPRENEUR, 'classes = ["PERSONAL"', 'classes = ["SECRET"', "contract.assessment.classes.0"),
        (CRM, 'lookup = "reference"', 'lookup = "perhaps"', "commands.publish_complaint.lookup"),
        (CRM, 'settle = "30 s"\n', 'settle = "30 s"\npath = "x"\n', "commands.submit_complaint"),
        (JAKPRENEUR, 'name = { en = "small', 'name = { de = "small', "name"),
    ],
)
def test_an_editor_marks_what_the_hub_refuses(path: Path, old: str, new: str, place: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    marked = find_problems("manifest.schema.json", text.replace(old, new, 1))
    assert place in {each.partition(":")[0] for each in marked}

"""Tables of documentation about the keys of manifests, made from the tables of the code.

On a page, `<!-- keys of package.module:Table -->` begins such a table, and `<!-- end of keys -->` ends it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import time
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from settings.city.domain_page import render_domain_page
from settings.city.json_schema import render_schemas
from settings.city.references import list_variables

_MARKED: Final = re.compile(r"(<!-- keys of ([a-z0-9_.]+):([A-Za-z0-9]+) -->\n).*?(<!-- end of keys -->)", re.DOTALL)
_PAGES: Final = (
    "docs/agencies/graphql.md",
    "docs/agencies/manifests.md",
    "docs/agencies/gtfs.md",
    "docs/agencies/open311.md",
    "docs/agencies/snapshots.md",
    "docs/operators/agency-terms.md",
    "docs/operators/data-contracts.md",
    "docs/operators/service-levels.md",
)
_CITIES: Final = "cities"
_DOMAINS: Final = "docs/agencies/domains.md"


def render_files(project: Path) -> Mapping[Path, str]:
    """The JSON Schemas beside the cities, the page of domains, and the pages with their tables as they should be."""
    schemas = {project / _CITIES / name: text for name, text in render_schemas().items()}
    pages = {project / page: fill_key_tables((project / page).read_text(encoding="utf-8")) for page in _PAGES}
    cities = sorted(each.parent for each in (project / _CITIES).glob("*/city.toml"))
    domains = "\n".join([render_domain_page(), *map(_render_variables, cities)])
    return schemas | pages | {project / _DOMAINS: domains}


def fill_key_tables(page: str) -> str:
    """The page with its tables made again."""
    return _MARKED.sub(lambda found: f"{found[1]}\n{_render(found[2], found[3])}\n{found[4]}", page)


def list_marked(page: str) -> frozenset[str]:
    """The names of the tables that a page holds."""
    return frozenset(f"{module}:{name}" for _, module, name, _ in _MARKED.findall(page))


def _render_variables(city: Path) -> str:
    """The section about the variables that the manifests of a city name."""
    lines = [f"## Variables of the city {city.name}\n", "| variable | agency | key |", "|---|---|---|"]
    for path in sorted((city / "agencies").glob("*.toml")):
        for place, text in _list_texts(tomllib.loads(path.read_text(encoding="utf-8"))):
            lines += [f"| `{each}` | `{path.stem}` | `{place}` |" for each in list_variables(text)]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _list_texts(table: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        here = f"{place}.{name}".removeprefix(".")
        if isinstance(value, str):
            yield here, value
        elif isinstance(value, Mapping):
            yield from _list_texts(value, here)


def _render(module: str, name: str) -> str:
    table: type[BaseModel] = getattr(import_module(module), name)
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *_list_rows(table)]) + "\n"


def _list_rows(table: type[BaseModel]) -> Iterator[str]:
    """A row for each key, required ones first. A key without a description is its table's own: `driver`."""
    described = [(each.alias or name, each) for name, each in table.model_fields.items() if each.description]
    for name, field in sorted(described, key=lambda each: not each[1].is_required()):
        meaning, _, words = (field.description or "").partition("; default: ")
        yield f"| `{name}` | {words or _write_default(field)} | {meaning} |"


def _write_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.default.value if isinstance(field.default, Enum) else field.default
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float):
        return f"`{default:g}`"
    if isinstance(default, time):
        return f"`{default:%H:%M}`"
    return f"`{default}`" if isinstance(default, int | str) and default != "" else "none"

"""JSON Schemas of a city's files for editors: they complete and check keys (`#:schema` in the first line of a file)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import DriverFamily
from connectors.declared.snapshot.tables import SnapshotReadTable, SnapshotTable
from connectors.declared.tables import CommandTable, PythonReadTable, RowsTable
from resolvers.domains import find_domains
from settings.city.city_service_tables import CityServicesTable
from settings.city.folder import CityTable
from settings.city.manifest import AgencyManifest

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _TomlSchema(GenerateJsonSchema):
    """Without null, which TOML does not have; without defaults that are tables, and titles that repeat a key."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        is_word = isinstance(schema.get("default"), str | int | float)
        return super().default_schema(schema) if is_word else self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        return False


def render_schemas() -> Mapping[str, str]:
    """The text of each schema by the name of its file."""
    schemas = {
        "manifest.schema.json": _build_manifest_schema(),
        "city.schema.json": _build_schema(CityTable),
        "services.schema.json": _build_schema(CityServicesTable),
    }
    return {name: json.dumps(schema, indent=1) + "\n" for name, schema in schemas.items()}


def _build_manifest_schema() -> dict[str, Any]:
    """One schema of all drivers: which keys a read has follows from the driver, or from a connector in Python."""
    reads: dict[str, type[BaseModel]] = {
        driver: PythonReadTable if each.reads is None else each.reads.table
        for driver, each in DRIVER_FAMILIES.items()
        if each.reads is not None or each.domain_reads is not None
    }
    rows = {driver: each.all_rows.table for driver, each in DRIVER_FAMILIES.items() if each.all_rows is not None}
    tables: dict[type[BaseModel], None] = dict.fromkeys((*reads.values(), SnapshotReadTable, PythonReadTable))
    by_driver: list[type[BaseModel]] = [each.command_table for each in DRIVER_FAMILIES.values()]
    commands: list[type[BaseModel]] = list(dict.fromkeys([CommandTable, *by_driver]))
    schema = _build_schema(AgencyManifest, *tables, *rows.values(), *commands)
    for each in reads.values():
        schema["$defs"][each.__name__].pop("required", None)  # perhaps among the defaults
    schema["properties"]["defaults"] |= _any_of(list(dict.fromkeys(reads.values())))
    # Editors complete keys from `anyOf`, and check them by the driver.
    schema["properties"]["reads"] |= {"type": "object", "additionalProperties": _any_of(list(tables))}
    schema["properties"]["commands"] |= {"type": "object", "additionalProperties": _any_of(commands)}
    schema["properties"]["snapshots"] |= {"type": "object", "additionalProperties": _refer(SnapshotTable)}
    del schema["$defs"][RowsTable.__name__]
    schema["$defs"][SnapshotTable.__name__]["properties"]["rows"] |= _any_of(list(rows.values()))
    del schema["$defs"][SnapshotTable.__name__]["properties"]["rows"]["$ref"]
    schema["properties"]["domain"]["enum"] = list(find_domains())
    schema["allOf"] = [
        {
            "if": {
                "properties": {"wire": {"properties": {"driver": {"const": driver}}, "required": ["driver"]}},
                "required": ["wire"],
                "not": {"required": ["connector"]},
            },
            "then": {
                "properties": _build_driver_schema(reads.get(driver), rows.get(driver)) | _build_commands_schema(family)
            },
        }
        for driver, family in DRIVER_FAMILIES.items()
    ]
    schema["allOf"].append(
        {
            "if": {"required": ["connector"]},
            "then": {"properties": {"reads": {"additionalProperties": _refer(PythonReadTable)}}},
        }
    )
    return schema


def _build_driver_schema(reads: type[BaseModel] | None, rows: type[BaseModel] | None) -> dict[str, Any]:
    """The reads and snapshots of one driver."""
    keyed = False if reads is None else _refer(reads)
    defaults = {"defaults": keyed}
    if rows is None:
        return {"reads": {"additionalProperties": keyed}, "snapshots": False, **defaults}
    local = {"if": {"required": ["snapshot"]}, "then": _refer(SnapshotReadTable), "else": keyed}
    snapshots = {"additionalProperties": {"properties": {"rows": _refer(rows)}}}
    return {"reads": {"additionalProperties": local}, "snapshots": snapshots, **defaults}


def _build_commands_schema(family: DriverFamily) -> dict[str, Any]:
    own = {name: _refer(CommandTable) for name in sorted(family.own_commands)}
    return {"commands": {"properties": own, "additionalProperties": _refer(family.command_table)}}


def _any_of(tables: Sequence[type[BaseModel]]) -> dict[str, Any]:
    return {"anyOf": [_refer(each) for each in sorted(tables, key=lambda each: each.__name__)]}


def _refer(table: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/$defs/{table.__name__}"}


def _build_schema(model: type[BaseModel], *more: type[BaseModel]) -> dict[str, Any]:
    [place, *_], definitions = models_json_schema(
        [(each, "validation") for each in (model, *more)], schema_generator=_TomlSchema
    )
    del place
    found: dict[str, Any] = definitions["$defs"]
    return {"$schema": _DIALECT, **found.pop(model.__name__), "$defs": found}

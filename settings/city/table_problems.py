"""What pydantic finds wrong with the tables of a city file: each with its line, and what to write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from connectors.declared.driver_families import DRIVER_FAMILIES, find_read_table
from connectors.declared.snapshot.tables import SnapshotReadTable
from records.config_problems import describe_unknown_key, describe_wrong_value
from settings.city.problems import CityProblem, find_line

_OF_KEY: Final = re.compile(r"([a-z_]+(?:\.[a-z_]+)*): (.*)", re.DOTALL)
"""A problem of a whole table that names one key of it."""


def describe_validation(
    path: Path, text: str, given: Mapping[str, Any], model: type[BaseModel], error: ValidationError
) -> Iterator[CityProblem]:
    """The problems of a file that holds a table of this model, with their lines."""
    for each in error.errors(include_input=False, include_url=False):
        keys = [str(part) for part in each["loc"]]
        if keys[:1] == ["wire"] and len(keys) > 1:
            del keys[1]  # pydantic adds the driver
        problem = describe_wrong_value(each["type"], each.get("ctx", {}), each["msg"])
        if each["type"].startswith("union_tag"):
            keys, problem = [*keys, "driver"], f"write one of the drivers: {', '.join(DRIVER_FAMILIES)}"
        elif each["type"] == "extra_forbidden":
            *table, key = keys
            problem = describe_unknown_key(key, ".".join(table), _list_keys(model, table, given))
        elif each["type"] == "value_error" and (found := _OF_KEY.fullmatch(problem)) is not None:
            keys, problem = [*keys, *found[1].split(".")], found[2]
        yield CityProblem(path, find_line(text, find_keys(given, keys)), ".".join(keys), problem)


def find_keys(given: Mapping[str, Any], keys: Sequence[str]) -> Sequence[str]:
    """Where the value of a key stands: that of a read perhaps among the defaults."""
    match list(keys):
        case ["reads", read, key, *rest] if key not in given.get("reads", {}).get(read, {}) and key in given.get(
            "defaults", {}
        ):
            return ["defaults", key, *rest]
    return keys


def find_text(given: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    """The text of a key, which can stand in an inline table beside others; None if it has another value or none."""
    value: Any = given
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else None


def _list_keys(model: type[BaseModel], table: Sequence[str], given: Mapping[str, Any]) -> list[str]:
    """The keys of a table within a table of the model."""
    annotation: Any = model
    for depth, key in enumerate(table, start=1):
        annotation = _choose_by_driver(table[:depth], given) or _find_inner(annotation, key)
    found = _find_model(annotation)
    return [] if found is None else [each.alias or name for name, each in found.model_fields.items()]


def _choose_by_driver(table: Sequence[str], given: Mapping[str, Any]) -> Any:  # noqa: ANN401, PLR0911 - a type; one return a table
    """The model of a table that the driver decides; None for any other."""
    wire = given.get("wire")
    driver = wire.get("driver", "") if isinstance(wire, Mapping) else ""
    family = DRIVER_FAMILIES.get(driver)
    if family is None:
        return None
    match list(table):
        case ["wire"]:
            return family.wire
        case ["reads", name] if "snapshot" in given["reads"][name]:
            return SnapshotReadTable
        case ["reads", _] | ["defaults"]:
            return find_read_table(driver, is_python="connector" in given)
        case ["commands", name]:
            return family.find_command_table(name)
        case ["snapshots", _, "rows"] if family.all_rows is not None:
            return family.all_rows.table
    return None


def _find_inner(annotation: Any, key: str) -> Any:  # noqa: ANN401 - types
    """The type of what a key holds within a value of a type: a field of a model, or a value of a mapping."""
    model = _find_model(annotation)
    if model is not None:
        names = {each.alias or name: each.annotation for name, each in model.model_fields.items()}
        return names.get(key)
    for each in _list_types(annotation):
        if isinstance(get_origin(each), type) and issubclass(get_origin(each), Mapping):
            return get_args(each)[1]
    return None


def _find_model(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - types
    return next(
        (each for each in _list_types(annotation) if isinstance(each, type) and issubclass(each, BaseModel)), None
    )


def _list_types(annotation: Any) -> list[Any]:  # noqa: ANN401 - types
    """The members of a union, without annotations."""
    if get_origin(annotation) is Annotated:
        return _list_types(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [found for each in get_args(annotation) for found in _list_types(each)]
    return [annotation]

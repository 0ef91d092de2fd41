"""Paths into FHIR resources: the part of FHIRPath that declared columns need, over the JSON format.

The functions are those of FHIRPath and of SQL on FHIR's view definitions: `where`, `extension`, `resolve`, `ofType`,
`getReferenceKey`, `first`. Written here, because a library of the whole language (fhirpathpy) brings a parser generator
and takes a hundred times as long for each value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from connectors.declared.column_syntax import ColumnSyntax
from connectors.declared.tables import NotDeclarableError
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError

CONTEXT: Final = "%context"
"""The member of a row with what its Bundle says beside it (`BundleContext`)."""
MAX_VALUES: Final = 1_000
"""Values that one path finds in one resource."""
_STEP: Final = re.compile(
    r"(?P<name>[A-Za-z_]\w*)(?P<call>\((?P<given>(?:[^()']|'[^']*')*)\))?(?:\[(?P<at>\d{1,3})\])?(?:\.(?=.)|$)",
    re.ASCII,
)
_WHERE: Final = re.compile(r"\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*=\s*'([^']*)'\s*", re.ASCII)
_QUOTED: Final = re.compile(r"\s*'([^']+)'\s*")
_TYPE: Final = re.compile(r"\s*([A-Z][A-Za-z]*)?\s*", re.ASCII)
_REFERENCE: Final = re.compile(
    r"(?:(?P<base>https?://[^\s?#]+)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]+)?"
)

PathSteps = tuple[tuple[str, ...], ...]
"""The steps of a path: each the name of what it does, and its arguments."""


class BundleContext(NamedTuple):
    """What the references of a resource are resolved against."""

    bases: Collection[str]
    """The addresses under which the server names its own resources."""
    resources: Mapping[str, Mapping[str, Any]]
    """The resources of the Bundle by `Type/id`, and by their addresses."""
    has_includes: bool = False
    """Whether the search asked for the resources that others name (`_include`)."""


_NO_CONTEXT: Final = BundleContext((), {})


def parse_reference(raw: object, bases: Collection[str]) -> tuple[str, str] | None:
    """The type and the id of a literal reference; None for a resource that is not on this server.

    Absolute references count if they begin with one of the bases (FHIR R4, references, section 2.3.0.1).
    """
    found = _REFERENCE.fullmatch(raw) if isinstance(raw, str) else None
    if found is None or (found["base"] is not None and found["base"] not in bases):
        return None
    return found["type"], found["id"]


def parse_path(place: str, path: str) -> PathSteps:
    """The steps of a path. Raises `NotDeclarableError`."""
    steps: list[tuple[str, ...]] = []
    end = 0
    for found in _STEP.finditer(path):
        if found.start() != end:
            break
        end = found.end()
        steps.append(("member", found["name"]) if found["call"] is None else _parse_call(place, path, found))
        if found["at"] is not None:
            steps.append(("at", found["at"]))
    if end != len(path) or not path:
        raise NotDeclarableError(place, f"'{path}' is not a path: write names with dots, such as patient.reference")
    return tuple(_name_wanted_types(steps))


def _name_wanted_types(steps: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Each `resolve()` with the type that follows it: `actor.resolve().ofType(Location)` needs no other actor."""
    for step, after in zip_longest(steps, steps[1:], fillvalue=("",)):
        yield (*step, *after[1:]) if step[0] == "resolve" and after[0] == "ofType" else step


def _parse_call(place: str, path: str, found: re.Match[str]) -> tuple[str, ...]:
    name, given = found["name"], found["given"]
    match name:
        case "where" if (condition := _WHERE.fullmatch(given)) is not None:
            return ("where", condition[2], *condition[1].split("."))
        case "extension" if (url := _QUOTED.fullmatch(given)) is not None:
            return ("extension", url[1])
        case "ofType" if (kind := _TYPE.fullmatch(given)) is not None and kind[1]:
            return ("ofType", kind[1])
        case "getReferenceKey" if (kind := _TYPE.fullmatch(given)) is not None:
            return ("getReferenceKey", kind[1] or "")
        case "first" | "resolve" if not given.strip():
            return (name,)
    known = "where(name = 'text'), extension('url'), resolve(), ofType(Type), getReferenceKey(Type), first()"
    raise NotDeclarableError(place, f"'{path}' has a function that the hub does not know: write {known}")


def find_values(row: Mapping[str, Any], steps: PathSteps) -> Sequence[object]:
    """Every value at a path, in order. Raises `UnreadableError` for something else than an object on the way."""
    context: BundleContext = row.get(CONTEXT, _NO_CONTEXT)
    found: list[Any] = [row]
    for step in steps:
        found = _take(step, found, row, context)
        if not found:
            break
        if len(found) > MAX_VALUES:
            raise UnreadableError(f"at most {MAX_VALUES} values")
    return found


def find_texts(row: Mapping[str, Any], steps: PathSteps) -> Sequence[str]:
    """The different texts at a path. Raises `UnreadableError` for anything else."""
    return list(dict.fromkeys(each for raw in find_values(row, steps) if (each := text(raw)) is not None))


def read_value(row: Mapping[str, Any], steps: PathSteps) -> object:
    """The first value at a path, or all objects there; None for nothing."""
    found = find_values(row, steps)
    if not found:
        return None
    return found if isinstance(found[0], Mapping) else found[0]


def read_only_value(row: Mapping[str, Any], steps: PathSteps) -> object:
    """The one value at a path. Raises `KeyError` for none, and `UnreadableError` for several."""
    found = find_values(row, steps)
    if not found:
        raise KeyError(steps)
    if any(each != found[0] for each in found):
        raise UnreadableError("one value")
    return found[0]


def _take(step: tuple[str, ...], found: list[Any], row: Mapping[str, Any], context: BundleContext) -> list[Any]:
    """What one step finds in each of the values before it."""
    name, *given = step
    if name == "resolve":
        wanted = given[0] if given else ""
        return [each for raw in found if (each := _resolve(raw, row, context, wanted)) is not None]
    if name == "getReferenceKey":
        return [key for raw in found if (key := _get_key(raw, given[0], context)) is not None]
    return _PLAIN_STEPS[name](found, *given)


def _take_member(found: Iterable[Any], name: str) -> list[Any]:
    values: list[Any] = []
    for each in found:
        if not isinstance(each, Mapping):
            raise UnreadableError("an object")
        value = each.get(name)
        if isinstance(value, list):
            values += [inner for inner in value if inner is not None]  # null holds the place of an extension
        elif value is not None:
            values.append(value)
    return values


def _list_texts(value: Any, names: Iterable[str]) -> Collection[str]:  # noqa: ANN401 - any JSON
    found = [value]
    for name in names:
        found = _take_member(found, name)
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in found]


def _resolve(
    raw: Any,  # noqa: ANN401 - any JSON
    row: Mapping[str, Any],
    context: BundleContext,
    wanted: str,
) -> Mapping[str, Any] | None:
    """The resource that a reference names, if it is contained or in the Bundle.

    Raises `UnreadableError` for a resource of the server, and of the wanted type, that was asked for and is missing:
    the server ignored `_include`, and a missing value would look like one that was never entered.
    """
    reference = raw.get("reference") if isinstance(raw, Mapping) else raw
    if isinstance(reference, str) and reference.startswith("#"):
        inside = _take_member([row], "contained")
        return next((each for each in inside if isinstance(each, Mapping) and each.get("id") == reference[1:]), None)
    found = parse_reference(reference, context.bases)
    resource = context.resources.get(str(reference) if found is None else "/".join(found))
    if resource is None and found is not None and context.has_includes and wanted in {"", found[0]}:
        raise UnreadableError(f"the {found[0]} of a reference, by `_include`")
    return resource


def _get_key(raw: Any, kind: str, context: BundleContext) -> str | None:  # noqa: ANN401 - any JSON
    found = parse_reference(raw.get("reference") if isinstance(raw, Mapping) else raw, context.bases)
    return None if found is None or kind not in {"", found[0]} else found[1]


_PLAIN_STEPS: Final[Mapping[str, Callable[..., list[Any]]]] = {
    "member": _take_member,
    "at": lambda found, place: found[int(place) : int(place) + 1],
    "first": lambda found: found[:1],
    "where": lambda found, wanted, *names: [each for each in found if wanted in _list_texts(each, names)],
    "extension": lambda found, url: [
        each for each in _take_member(found, "extension") if _take_member([each], "url") == [url]
    ],
    "ofType": lambda found, kind: [
        each for each in found if isinstance(each, Mapping) and each.get("resourceType") == kind
    ],
}
"""Steps that need no other resource, by their names."""


def _write(function: str, place: str, path: str) -> str:
    return f"{function}(row, {parse_path(place, path)!r})"


FHIR_PATHS: Final = ColumnSyntax(
    partial(_write, "read_value"),
    partial(_write, "read_only_value"),
    {"read_value": read_value, "read_only_value": read_only_value},
)
"""A path of FHIRPath: `vaccineCode.coding.where(system = 'http://hl7.org/fhir/sid/cvx').code`."""

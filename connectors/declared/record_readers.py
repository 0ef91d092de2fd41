"""From a row to a record, compiled to the code that a person would write."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar, cast, get_args, get_origin

from connectors.declared.column_syntax import PARENT, ColumnSyntax, find_parent_column
from connectors.declared.field_readers import FieldReader, ReadField, build_field_reader, check_access_field
from connectors.declared.python_functions import split_optional
from connectors.declared.row_observation import FieldStep, RowObserver, observe_rows
from connectors.declared.tables import FieldTable, NotDeclarableError, RecordTable
from connectors.readers.rows import MAX_LIST_ROWS, Row
from connectors.readers.unreadable import UnreadableError
from records.description import get_field_types, list_access_fields
from records.identifiers import FamilyCardNumber, Nik
from records.record import FILLED_BY_HUB, Construction, write_construction
from records.regions import Coordinates

R = TypeVar("R")

KEY_COLUMN: Final = "{key}"
"""In place of a column: the requested key, for replies that do not repeat it."""
PERSONAL_NUMBERS: Final = (Nik, FamilyCardNumber)
"""Types of numbers that identify people. Replies must repeat them: only so a swapped reply is noticed."""


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A column that a field takes."""

    place: str
    """The field in the manifest."""
    column: str
    is_text: bool
    """Whether it must hold a single value; a function in Python also takes lists and objects."""


@dataclass(frozen=True, slots=True)
class RecordReader(Generic[R]):
    """Reads one kind of record."""

    record: type[R]
    bind: Callable[[object], Callable[[Row], R]]
    """From the requested key to the function that reads a row, which raises `UnreadableError`."""
    uses: Sequence[ColumnUse]
    """The columns that it takes, except those of lists within a row."""
    required: Mapping[str, str]
    """Columns without whose value there is no record, and their fields: `commodity.id` is one of a record within."""
    takes_key: bool
    """Whether the record holds the requested key."""
    people: Mapping[str, object]
    """Fields with the number of a person that take the requested key, by their place; with the type of the number."""
    lists: Mapping[str, RecordReader[Any]]
    """The readers of lists within a row, by their column."""

    @property
    def outer_uses(self) -> Sequence[ColumnUse]:
        """The columns that it takes of the row around its row: `^.number`."""
        found = [*self.uses, *(use for each in self.lists.values() for use in each.outer_uses)]
        outer = ((use, find_parent_column(use.column)) for use in found)
        return [replace(use, column=column) for use, column in outer if column is not None]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it takes."""
        return frozenset(each.column for each in self.uses)

    @property
    def read(self) -> Callable[[Row], R]:
        """The function that reads a row that belongs to no key."""
        return self.bind(None)


class RecordReaders:
    """The readers of the records that a manifest declares."""

    def __init__(
        self, tables: Mapping[str, RecordTable], *, columns: ColumnSyntax, observe: RowObserver | None = None
    ) -> None:
        """`columns` says how a row gives the value of a column; `observe` gets each row that is read."""
        self._tables = tables
        self._observe = observe
        self._columns = columns
        self._built: dict[type[Any], RecordReader[Any]] = {}

    def build(self, read: str, record: type[R]) -> RecordReader[R]:
        """The reader of the records that a read gives. Raises `NotDeclarableError`."""
        name = record.__name__
        if name not in self._tables:
            raise NotDeclarableError(f"records.{name}", f"the read {read} gives it, and none is declared")
        if record not in self._built:
            self._built[record] = self._build_record(read, record, self._tables[name])
        return self._built[record]

    def build_fields(self, read: str, record: type[Any], given: Collection[str]) -> Callable[[Row], dict[str, Any]]:
        """From a row to the fields of a record except those that the caller gives. Raises `NotDeclarableError`."""
        self._built[record] = self._build_record(read, record, self._tables[record.__name__], given)
        return self._built[record].read

    def find_table(self, record: type[Any]) -> RecordTable:
        """The declared fields of a record."""
        return self._tables[record.__name__]

    @property
    def built(self) -> Mapping[str, RecordTable]:
        """The tables of the records that reads give, by name."""
        return {each.__name__: self._tables[each.__name__] for each in self._built}

    def build_facets(self, read: str, facets: Iterable[type[Any]]) -> RecordReader[Any]:
        """The reader of several records in one row, by their type. Raises `NotDeclarableError`."""
        readers = {facet: self.build(read, facet) for facet in facets}
        each = readers.values()

        def bind(key: object) -> Callable[[Row], Mapping[type[Any], Any]]:
            bound = [(facet, reader.bind(key)) for facet, reader in readers.items()]
            return lambda row: {facet: read_row(row) for facet, read_row in bound}

        return RecordReader(
            record=dict,
            bind=bind,
            uses=[use for reader in each for use in reader.uses],
            required={},
            takes_key=any(reader.takes_key for reader in each),
            people={place: kind for reader in each for place, kind in reader.people.items()},
            lists={column: inner for reader in each for column, inner in reader.lists.items()},
        )

    def require_all_used(self) -> None:
        """Raise `NotDeclarableError` for a record that no read gives."""
        used = sorted(each.__name__ for each in self._built)
        if unknown := sorted(self._tables.keys() - set(used)):
            raise NotDeclarableError(f"records.{unknown[0]}", f"no read gives this record; they give {', '.join(used)}")

    def _build_record(
        self, read: str, record: type[R], table: RecordTable, given: Collection[str] = ()
    ) -> RecordReader[R]:
        """The reader of a record; with `given` fields, of a dict with the other ones."""
        place = f"records.{record.__name__}"
        annotations = get_field_types(record)
        known = {each.name: each for each in fields(cast("Any", record)) if each.name not in given}
        if unknown := sorted(table.keys() - known.keys()):
            raise NotDeclarableError(
                f"{place}.{unknown[0]}", f"the record has no such field; it has {', '.join(known)}"
            )
        inner = {
            name: self.build(read, annotations[name])
            for name in known
            if name not in table and _is_record(annotations[name])
        }
        listed = {
            name: self.build(read, listed_record)
            for name in known
            if name in table and (listed_record := _find_listed_record(annotations[name])) is not None
        }
        deciding = list_access_fields(record)
        missing = [
            name
            for name, each in known.items()
            if name not in {*table, *inner}
            and (name in deciding - FILLED_BY_HUB or (each.default is MISSING and each.default_factory is MISSING))
        ]
        if missing:
            raise NotDeclarableError(place, f'no column is named for {missing[0]}; write {missing[0]} = "column"')
        plans = [
            _plan_record(name, inner[name])
            if name in inner
            else self._plan_list(f"{place}.{name}", name, listed[name], table[name])
            if name in listed
            else self._plan_field(f"{place}.{name}", annotations[name], table[name], decides=name in deciding)
            for name in known
            if name in {*table, *inner}
        ]
        taken = frozenset(column for each in plans for column in each.columns)
        required = {each.columns[0]: each.name for each in plans if each.field.is_required and len(each.columns) == 1}
        for name, each in inner.items():
            required |= {column: f"{name}.{field}" for column, field in each.required.items()}
        return RecordReader(
            record=record,
            bind=self._compile(record, plans, as_fields=bool(given)),
            uses=[
                *(
                    ColumnUse(f"{place}.{each.name}", column, is_text=each.takes_texts)
                    for each in plans
                    for column in each.columns
                    if column != KEY_COLUMN and each.name not in listed
                ),
                *(use for each in inner.values() for use in each.uses),
                *(use for each in listed.values() for use in each.outer_uses),
            ],
            required=required,
            takes_key=KEY_COLUMN in taken or any(each.takes_key for each in (*inner.values(), *listed.values())),
            people=self._find_people(place, annotations, table, (*inner.values(), *listed.values())),
            lists={table[name].columns[0]: each for name, each in listed.items()},
        )

    def _compile(
        self, record: type[R], plans: Sequence[_FieldPlan], *, as_fields: bool
    ) -> Callable[[object], Callable[[Row], R]]:
        """Compile the function that reads a record, or a dict of its fields."""
        names = self._columns.names
        values = {each.name: f"value_{each.name}" for each in plans}
        construction = (
            Construction("{" + ", ".join(f"{name!r}: {value}" for name, value in values.items()) + "}", {})
            if as_fields
            else write_construction(record, values)
        )
        bind: Callable[[object], Callable[[Row], R]] = _compile(record, plans, names, construction)
        if self._observe is None:
            return bind
        return observe_rows(bind, record, [each.as_step for each in plans], names, self._observe)

    def _plan_field(self, place: str, annotation: object, table: FieldTable, *, decides: bool) -> _FieldPlan:
        """One field. A field that decides about access must be in every row."""
        if table.sort is not None:
            raise NotDeclarableError(place, "it sorts lists of records; remove `sort`")
        if decides:
            check_access_field(place, table)
        field = build_field_reader(place, annotation, table)
        write = self._columns.write_present if decides else self._columns.write
        arguments = ["key" if each == KEY_COLUMN else write(place, each) for each in table.columns]
        name, arguments_text = place.rpartition(".")[2], ", ".join(arguments)
        return _FieldPlan(name, field, arguments_text, table.columns, takes_texts=table.python is None)

    def _plan_list(self, place: str, name: str, reader: RecordReader[Any], table: FieldTable) -> _FieldPlan:
        """A list of records within the row."""
        if len(table.columns) != 1 or table.model_fields_set - {"columns", "sort"}:
            raise NotDeclarableError(
                place, 'a list of records has one column, and perhaps `sort`; write {"from" = ...}'
            )
        sort = _build_sort(place, reader.record, table.sort)

        has_parent = bool(reader.outer_uses)

        def bind(key: object) -> FieldReader:
            read = reader.bind(key)
            if has_parent:
                return lambda raw, row: sort([read({PARENT: row, **each}) for each in list_inner_rows(raw)])
            return lambda raw: sort([read(each) for each in list_inner_rows(raw)])

        field = ReadField(bind, "a list of records", is_required=False)
        arguments = self._columns.write(place, table.columns[0]) + (", row" if has_parent else "")
        return _FieldPlan(name, field, arguments, table.columns, is_bound=True)

    @staticmethod
    def _find_people(
        place: str, annotations: Mapping[str, object], table: RecordTable, within: Iterable[RecordReader[Any]]
    ) -> Mapping[str, object]:
        types = {
            name: split_optional(annotations[name])[0] for name, each in table.items() if KEY_COLUMN in each.columns
        }
        own = {f"{place}.{name}": each for name, each in types.items() if each in PERSONAL_NUMBERS}
        return own | {where: kind for each in within for where, kind in each.people.items()}


@dataclass(frozen=True, slots=True)
class _FieldPlan:
    name: str
    field: ReadField
    arguments: str
    """Python expressions, separated by commas."""
    columns: Sequence[str] = ()
    """None for a record within the record, which is read from the same row."""
    is_bound: bool = False
    """Whether the reader follows from the requested key."""
    takes_texts: bool = True
    """Whether its columns hold single values."""

    @property
    def as_step(self) -> FieldStep:
        """The plan, for an observer."""
        return FieldStep(
            name=self.name,
            columns=self.columns,
            arguments=self.arguments,
            read=self.field.read,
            is_bound=self.is_bound,
            is_required=self.field.is_required,
            none=self.field.none,
            missing=self.field.missing,
        )


def list_inner_rows(raw: object) -> Sequence[Row]:
    """The rows of a list within a row; a missing list, and missing rows of it, are no rows. A single row is a list."""
    if raw is None:
        return ()
    # Lists and dicts are looked for first: they are nearly all, and `Mapping` costs ten times as much.
    if type(raw) is not list and isinstance(raw, Mapping):
        return (raw,)
    if not isinstance(raw, list | tuple) or len(raw) > MAX_LIST_ROWS:
        raise UnreadableError("a list of objects")
    found = [each for each in raw if each is not None]
    for each in found:
        if type(each) is not dict and not isinstance(each, Mapping):
            raise UnreadableError("a list of objects")
    return found


def _find_listed_record(annotation: Any) -> type[Any] | None:  # noqa: ANN401 - any annotation
    if get_origin(annotation) not in {tuple, Sequence}:
        return None
    listed = get_args(annotation)[0]
    return listed if _is_record(listed) else None


def _build_sort(place: str, record: type[Any], sort: str | None) -> Callable[[list[Any]], tuple[Any, ...]]:
    if sort is None:
        return tuple
    name = sort.removeprefix("-")
    if get_field_types(record).get(name) not in {int, str, date, datetime}:
        raise NotDeclarableError(place, f"{record.__name__} has no number, text or day '{name}' to sort by")
    get, descending = attrgetter(name), sort.startswith("-")
    return lambda found: tuple(sorted(found, key=get, reverse=descending))


def _is_record(annotation: object) -> bool:
    return is_dataclass(annotation) and annotation is not Coordinates


def _plan_record(name: str, reader: RecordReader[Any]) -> _FieldPlan:
    return _FieldPlan(name, ReadField(reader.bind, "a record", is_required=True), "row", is_bound=True)


def _compile(
    record: type[R], plans: Sequence[_FieldPlan], column_names: Mapping[str, Any], construction: Construction
) -> Callable[[object], Callable[[Row], R]]:
    names: dict[str, Any] = {**construction.names, **column_names, "record": record, "UnreadableError": UnreadableError}
    names["find_unreadable"] = _find_unreadable
    names["plans"] = plans
    start, reads, required, steps = [], [], [], []
    for each in plans:
        name, value = f"read_{each.name}", f"value_{each.name}"
        names[name] = each.field.read
        if each.is_bound:
            names[f"bind_{each.name}"] = each.field.read
            start.append(f"{name} = bind_{each.name}(key)")
        reads.append(f"{value} = {name}({each.arguments})")
        if each.field.none:
            names[f"none_{each.name}"] = each.field.none
            reads.append(f"if {value} in none_{each.name}: {value} = None")
        if each.field.missing is not None:
            names[f"missing_{each.name}"] = each.field.missing
            reads.append(f"if {value} is None: {value} = missing_{each.name}")
        if each.field.is_required:
            required.append(f"{value} is None")
        steps.append(f"lambda row: {name}({each.arguments})")
    lines = [
        "def bind(key):",
        *(f"    {each}" for each in start),
        "    def read(row):",
        "        try:",
        *(f"            {each}" for each in reads),
        "        except (KeyError, UnreadableError):",
        # The field is looked for afterwards: rows that can be read pay nothing for it.
        "            raise find_unreadable(record, plans, steps(), row) from None",
        *([f"        if {' or '.join(required)}:"] if required else []),
        *(["            raise find_unreadable(record, plans, steps(), row)"] if required else []),
        f"        return {construction.expression}",
        f"    steps = lambda: [{', '.join(steps)}]",
        "    return read",
    ]
    exec(compile("\n".join(lines), "<manifest>", "exec"), names)  # noqa: S102 - made of the record's own field names, and of quoted columns
    bind: Callable[[object], Callable[[Row], R]] = names["bind"]
    return bind


def _find_unreadable(
    record: type[Any], plans: Sequence[_FieldPlan], steps: Sequence[Callable[[Row], object]], row: Row
) -> UnreadableError:
    """Why a row cannot be read: names the first field, and never its value."""
    for plan, read in zip(plans, steps, strict=True):
        place = f"{record.__name__}.{plan.name}"
        try:
            if read(row) is None and plan.field.is_required:
                return UnreadableError(f"{plan.field.kind} ({place})", plan.columns)
        except KeyError:
            absent = [column for column in plan.columns if column not in row]
            return UnreadableError(f"{place}: the reply has no column '{absent[0]}'" if absent else place, absent)
        except UnreadableError as error:
            return error if plan.is_bound else UnreadableError(f"{error.kind} ({place})", plan.columns)
    return UnreadableError(f"a {record.__name__}")

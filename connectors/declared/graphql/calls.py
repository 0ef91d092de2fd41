"""The calls of declared reads over GraphQL for keys: entities of a subgraph, aliases, or a list of keys.

Each reply is checked inside the gate. Fields that were not asked are left out. An entity, alias or row that was not
asked, `_entities` in another order or number, and a missing field make the whole reply malformed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from connectors.declared.graphql.replies import MEDIA_TYPE, FindRows, GraphqlCodes, PathError
from connectors.declared.http.rows import HttpSource
from connectors.drivers.http.json_body import write_json
from connectors.drivers.http.reply import HttpReply, parse_retry_after
from connectors.drivers.http.service import HttpRequest
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused

ENTITIES: Final = "_entities"
FAILURE: Final = "!"
"""Column of a row that an error is about, with its failure. No name of GraphQL can be this."""
_HEADERS: Final = {"Content-Type": "application/json"}
_FIRST_ERROR: Final = 400

Entry = Row | list[Any] | AgencyFailure | None
"""What a reply holds for one key, or for the list of keys: its field or entity, none, or its failure."""


class StrangeReply(Exception):  # noqa: N818 - named for what the reply is
    """A reply that does not match its request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequests:
    """How the requests of a read ask for keys. Each kind of request is a subclass."""

    document: Callable[[int], str]
    """The document for a number of keys."""
    variables: Callable[[Any, Any], dict[str, Any]]
    """From a key, or keys, and the position of a page to the variables of the arguments."""

    def build_variables(self, keys: Sequence[Any], position: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a number or a cursor
        """The variables of a request."""
        raise NotImplementedError

    def take(self, keys: Sequence[Any], data: Row, errors: Sequence[PathError]) -> list[Entry]:
        """The entries of the keys. Raises `StrangeReply`, `UnreadableError` and `AgencyFailure`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRequests(KeyRequests):
    """All keys of a request as representations of entities (Apollo Federation)."""

    represent: Callable[[Any], Mapping[str, Any]]
    """From a key to the representation of the entity, with its type."""
    is_of_key: Callable[[Row, Any], bool]

    def build_variables(self, keys: Sequence[Any], position: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a number or a cursor
        """The variables of a request."""
        return self.variables(None, position) | {"representations": [self.represent(each) for each in keys]}

    def take(self, keys: Sequence[Any], data: Row, errors: Sequence[PathError]) -> list[Entry]:
        """The entities, in the order of their keys."""
        if (failure := find_failure(errors, (ENTITIES,), is_whole=True)) is not None:
            raise failure
        listed = data.get(ENTITIES)
        if not isinstance(listed, list) or len(listed) != len(keys):
            raise StrangeReply("another number of entities than was asked")
        _require_places(errors, [(ENTITIES, index) for index, _ in enumerate(keys)])
        found: list[Entry] = []
        for index, (key, entity) in enumerate(zip(keys, listed, strict=True)):
            if entity is not None and not (isinstance(entity, Mapping) and self.is_of_key(entity, key)):
                raise StrangeReply("an entity that was not asked, or in another order")
            found.append(find_failure(errors, (ENTITIES, index)) or entity)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasRequests(KeyRequests):
    """Each key with the field under an alias."""

    is_of_key: Callable[[Row, Any], bool] | None
    """Whether an object repeats its key; None if it does not."""

    def build_variables(self, keys: Sequence[Any], position: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a number or a cursor
        """The variables of a request."""
        return {
            f"{name}_{index}": value
            for index, key in enumerate(keys)
            for name, value in self.variables(key, position).items()
        }

    def take(self, keys: Sequence[Any], data: Row, errors: Sequence[PathError]) -> list[Entry]:
        """The field of each key."""
        names = [f"k{index}" for index in range(len(keys))]
        if data.keys() != set(names):
            raise StrangeReply("another field than was asked, or one left out")
        _require_places(errors, [(each,) for each in names])
        found: list[Entry] = []
        for name, key in zip(names, keys, strict=True):
            value: Any = data[name]
            if self.is_of_key is not None and isinstance(value, Mapping) and not self.is_of_key(value, key):
                raise StrangeReply("a record that was not asked")
            found.append(find_failure(errors, (name,)) or value)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequests(KeyRequests):
    """One field with a list of keys, or one that gives all rows, from which those of the keys are taken."""

    field: str
    read_key: Callable[[Row], str | None]
    find_rows: FindRows
    selects: bool
    """Whether the field takes no keys, and rows of other keys are left out."""
    row_depth: int
    """Length of the path to a row."""

    def build_variables(self, keys: Sequence[Any], position: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a number or a cursor
        """The variables of a request."""
        return self.variables(keys, position)

    def take(self, keys: Sequence[Any], data: Row, errors: Sequence[PathError]) -> list[Entry]:
        """The field, with each failure in the row that it is about."""
        if self.field not in data:
            raise UnreadableError(f"an object with '{self.field}'")
        for each in errors:
            if each.failure is not None and not self._mark(data, each.path, each.failure):
                raise each.failure
        value: Any = data[self.field]
        if not self.selects and value is not None:
            wanted = frozenset(keys)
            if any(self.read_key(each) not in wanted for each in self.find_rows(value)):
                raise StrangeReply("a row for a key that was not requested")
        return [value]

    def _mark(self, data: Any, path: Sequence[object], failure: AgencyFailure) -> bool:  # noqa: ANN401 - any JSON
        """Put a failure into the row at a path; False if it leads to no row with a key."""
        value, above = data, None
        for step in path[: self.row_depth]:
            try:
                above, value = value, value[step]
            except (KeyError, IndexError, TypeError):
                return False
        is_row = len(path) >= self.row_depth and isinstance(value, dict) and self.read_key(value) is not None
        if is_row and above is not None:
            value[FAILURE] = failure
        return is_row


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphqlCalls:
    """Sends the requests of one read."""

    source: HttpSource
    codes: GraphqlCodes
    form: KeyRequests
    find_rows: FindRows

    async def ask(self, keys: Sequence[Any], position: Any, call: Call) -> Sequence[Entry]:  # noqa: ANN401 - a number or a cursor
        """One request: an entry for each key, or one for the list of all keys. Raises `AgencyFailure`."""
        variables = self.form.build_variables(keys, position)
        body = write_json({"query": self.form.document(len(keys)), "variables": variables})
        request = HttpRequest("POST", "", body=body, headers=_HEADERS, repeatable=True, answer_type=MEDIA_TYPE)
        return await self.source.driver.ask_value(request, call, partial(self._parse, keys))

    def _parse(self, keys: Sequence[Any], reply: HttpReply, value: object) -> Sequence[Entry]:
        agency = self.source.agency
        if reply.status >= _FIRST_ERROR and value is None:
            raise AgencyRefused(agency, f"HTTP {reply.status}")
        data, errors = self.codes.read(value, parse_retry_after(reply))
        if data is None and len(keys) > 1:  # one absent record says nothing about the others
            raise AgencyMalformed(agency, "no data for several records")
        if data is None:
            return [None]
        try:
            entries = self.form.take(keys, data, errors)
            for each in entries:
                if not isinstance(each, AgencyFailure):
                    self.find_rows(each)
        except UnreadableError as error:
            raise AgencyMalformed(agency, str(error)) from None
        except StrangeReply as strange:
            raise self.source.check.record_mismatch(str(strange)) from None
        failed = [each for each in entries if isinstance(each, AgencyFailure)]
        whole = [each.failure for each in errors if len(each.path) <= (2 if each.path[0] == ENTITIES else 1)]
        # A call that gave no entity at all counts at the breaker. An error below an entity is that of one record.
        if failed and len(failed) == len(entries) and all(any(each is one for one in whole) for each in failed):
            raise failed[0]
        return entries


def _require_places(errors: Sequence[PathError], places: Collection[tuple[object, ...]]) -> None:
    """Raise the failure of an error outside of the places of all keys: it may be about any of them."""
    known = frozenset(places)
    for each in errors:
        if each.failure is not None and known.isdisjoint((tuple(each.path[:1]), tuple(each.path[:2]))):
            raise each.failure


def find_failure(errors: Sequence[PathError], at: Sequence[object], *, is_whole: bool = False) -> AgencyFailure | None:
    """The failure of an error at a place or around it; unless `is_whole`, also of one below it.

    An error of an absent record fails nothing: what it is about is null.
    """
    for each in errors:
        shared = min(len(at), len(each.path))
        if each.failure is None or list(each.path[:shared]) != list(at[:shared]):
            continue
        if not is_whole or len(each.path) <= len(at):
            return each.failure
    return None

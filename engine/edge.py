"""An edge: how a field of a record (or of the root) loads other records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.batch import Batch


@dataclass(frozen=True, kw_only=True, eq=False)
class Edge:
    """A key, and the batch that answers it.

    The engine takes edges from the finished schema, and never calls a resolver for one parent.
    """

    batch: Batch[Any, Any]
    key: Callable[[Any, Mapping[str, Any], Any], Any]
    """From (parent record, field arguments, caller) to the key; pure and synchronous. For None, the answer is null
    without a call. Raises `BadInput` for arguments that cannot be answered."""
    key_attribute: str | None = None
    """The attribute of the parent record that is the key, if no more is needed."""
    depends_on_caller: bool = False
    """Whether the key depends on the caller."""
    has_many_keys: bool = False
    """Whether `key` returns a list of keys. The answers have the same order, duplicates included."""
    facet: type[Any] | None = None
    """For a batch of facets: the record class this field is a part of."""
    value_attribute: str | None = None
    """The attribute of the answer that is the field's value; by default, the answer itself."""
    expected_size: int | Callable[[Mapping[str, Any]], int] | None = None
    """The usual number of objects in the list, or a function of the field's arguments that returns it; None if unknown.
    The argument `first` takes precedence."""
    delegated_batches: Sequence[Batch[Any, Any]] = ()
    """Batches that this one may call in turn; each key goes to one of them."""
    batches_by_type: Mapping[str, Batch[Any, Any]] = field(default_factory=dict)
    """If the batch delegates: the batch that loads an object, by the name of its type."""
    transform: Callable[[Any, Mapping[str, Any]], Any] | None = None
    """From (answer, field arguments) to the field's value; pure and synchronous."""

    def get_value(self, answer: Any, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the record holds
        """The field's value for one answer of the batch."""
        if answer is None:
            return None
        if self.value_attribute is not None:
            return getattr(answer, self.value_attribute)
        return answer if self.transform is None else self.transform(answer, arguments)

"""An edge: how a field leads from a record (or from the root) to other records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.batch import Batch


@dataclass(frozen=True, kw_only=True, eq=False)
class Edge:
    """A key, and the batch that answers it.

    The engine reads edges off the finished schema; it never calls a resolver for one parent.
    """

    batch: Batch[Any, Any]
    key: Callable[[Any, Mapping[str, Any], Any], Any]
    """From (parent record, field arguments, caller) to the key; pure and synchronous. None: the answer is null and
    nobody is asked. Raises `BadInput` for arguments that cannot be answered."""
    key_attribute: str | None = None
    """The attribute of the parent record that is the key, where it is no more than that."""
    depends_on_caller: bool = False
    """Whether the key depends on who asks."""
    has_many_keys: bool = False
    """The key function gives a list of keys; the answers stand in the same order, duplicates kept."""
    facet: type[Any] | None = None
    """For a batch of facets: the record class this field is a part of."""
    value_attribute: str | None = None
    """The attribute of the answer that is the field's value; without it, the answer itself."""
    expected_size: int | Callable[[Mapping[str, Any]], int] | None = None
    """How many objects the list usually holds, or a function of the field's arguments that says it; None where nothing
    is known. `first` among the arguments says it too."""
    delegated_batches: Sequence[Batch[Any, Any]] = ()
    """Batches that this one may ask in turn; each key goes to one of them."""
    agencies_by_type: Mapping[str, str | None] = field(default_factory=dict)
    """Where the batch asks others in turn: by the name of an object's type, the agency it comes from."""
    transform: Callable[[Any, Mapping[str, Any]], Any] | None = None
    """From (answer, field arguments) to the field's value; pure and synchronous."""

    def get_value(self, answer: Any, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the record holds
        """The field's value for one answer of the batch."""
        if answer is None:
            return None
        if self.value_attribute is not None:
            return getattr(answer, self.value_attribute)
        return answer if self.transform is None else self.transform(answer, arguments)

"""Replaces failures of the hub's database by errors that the graph knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from store.database_timeout import StateUnavailable


@contextmanager
def translate_unavailable(error: type[Exception], log: Callable[..., None], what: str) -> Iterator[None]:
    """Raise `error` if the database does not answer, and log which data (`what`) was needed."""
    try:
        yield
    except StateUnavailable as failure:
        log("%s cannot be read or changed: %s", what, failure)
        raise error from None

"""The result of every batch: one answer or failure for each of many keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from records.calls.failures import AgencyFailure

K = TypeVar("K")
V = TypeVar("V")

Answers = Mapping[K, V | AgencyFailure]
"""The result of a batch. A key that is absent is unknown to the agency (null, or an empty list). A key with an
`AgencyFailure` as its answer failed alone. If the whole call failed, the failure is raised instead."""

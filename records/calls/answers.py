"""The shape of every read: many keys in, one answer or failure a key out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from records.calls.failures import AgencyFailure

K = TypeVar("K")
V = TypeVar("V")

Answers = Mapping[K, V | AgencyFailure]
"""What a batch gives back. A key that is absent is unknown to the agency (null, or an empty list);
a key whose answer is an `AgencyFailure` failed alone. Where the whole call failed, the failure is raised instead."""

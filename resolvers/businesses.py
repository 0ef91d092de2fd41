"""Registered businesses: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from records.businesses import Business, BusinessSummary
from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import Nib, Nik
from resolvers.caching import ABOUT_PERSON, PUBLIC


class Businesses(Protocol):
    """The domain of business licensing. A manifest binds an agency to it."""

    async def businesses_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Business]]:
        """The businesses that each person is responsible for, with activities and licences."""

    async def businesses(self, nibs: Sequence[Nib], call: Call) -> Answers[Nib, Business]:
        """Businesses by number, with activities and licences."""

    async def business_summaries(self, nibs: Sequence[Nib], call: Call) -> Answers[Nib, BusinessSummary]:
        """Name and state of businesses by number."""


businesses_of = forward(Businesses, Businesses.businesses_of, absent=(), max_batch_size=1, caching=ABOUT_PERSON)
"""The agency takes one person per call; its connector bounds the fan-out."""
businesses = forward(Businesses, Businesses.businesses, max_batch_size=1)
"""Not cached: a number names no person whose changes could invalidate the answer."""
business_summaries = forward(Businesses, Businesses.business_summaries, max_batch_size=1, caching=PUBLIC)

"""Flood gates: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.flood_gates import FloodGate, FloodGateQuery
from resolvers.caching import PUBLIC


class FloodGates(Protocol):
    """The domain of flood gates. A manifest binds an agency to it."""

    async def flood_gates(self, ids: Sequence[str], call: Call) -> Answers[str, FloodGate]:
        """Flood gates by identifier."""

    async def flood_gate_lists(
        self, queries: Sequence[FloodGateQuery], call: Call
    ) -> Answers[FloodGateQuery, Sequence[FloodGate]]:
        """Pages of flood gates, by text and place."""


flood_gates = forward(FloodGates, FloodGates.flood_gates, caching=PUBLIC)
flood_gate_lists = forward(FloodGates, FloodGates.flood_gate_lists, absent=(), caching=PUBLIC)

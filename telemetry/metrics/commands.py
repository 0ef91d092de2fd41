"""Metrics of commands: how many are open at each agency, and since when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from telemetry.metrics.metric_values import MetricValues


class MeasuredCommands(Protocol):
    """The open commands of one agency."""

    @property
    def agency(self) -> str:
        """The code of the agency."""

    @property
    def by_state(self) -> Mapping[str, int]:
        """Their number by state; states without one may be absent."""

    @property
    def oldest_timestamp(self) -> float:
        """When the oldest one was accepted, in seconds since 1970; 0 without one."""


class CommandMetrics:
    """Metrics of open commands."""

    def __init__(self, get_commands: Callable[[], Sequence[MeasuredCommands]], states: Sequence[str]) -> None:
        """`get_commands` returns the current numbers; `states` are those of an open command."""
        self._get_commands = get_commands
        self._states = states

    def collect(self, numbers: MetricValues) -> None:
        """Adds the gauges."""
        for each in self._get_commands():
            for state in self._states:
                numbers.set_value("simpul_commands_open", float(each.by_state.get(state, 0)), each.agency, state)
            numbers.set_value("simpul_commands_oldest_timestamp_seconds", each.oldest_timestamp, each.agency)

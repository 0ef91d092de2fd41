"""What becomes of a command after an attempt to send it, or to look it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import uniform
from typing import Final

from records.calls.failures import AgencyFailure, AgencyRefused
from records.calls.outgoing_commands import CommandAmbiguous, CommandAnswer, CommandDone, CommandPending, CommandRefused
from records.command_state import CommandState
from records.hub.commands import LookupClass
from store.commands.command_outbox import CommandResult
from store.commands.command_rows import StoredCommand

CLAIM_SIZE: Final = 8
"""Commands that one claim takes, and that are sent concurrently."""
FIRST_PAUSE: Final = timedelta(seconds=5)
MAX_PAUSE: Final = timedelta(minutes=30)
MAX_OUTAGE_PAUSE: Final = 30.0
"""Seconds between two tries to reach an agency."""
PAUSE_FACTOR: Final = 2
GIVEN_UP_AFTER: Final = timedelta(days=3)
"""A command that could not be delivered for as long waits for a person."""

_PARKED, _UNKNOWN = CommandState.PARKED, CommandState.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTiming:
    """How long one agency takes."""

    timeout: float = 10.0
    """Seconds for sending one command."""
    lease: timedelta = timedelta(seconds=30)
    """How long a claim hides a command from other hubs. Longer than the timeout."""
    settle: timedelta = timedelta(seconds=60)
    """The time in which the agency certainly carries out what arrived. Before, absence proves nothing."""
    claim_size: int = CLAIM_SIZE
    """How many are claimed together: no more than the agency's rate lets pass within the timeout."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for a lease that a call may outlive."""
        if self.lease.total_seconds() <= self.timeout:
            raise ValueError(f"The lease of {self.lease} is not longer than the timeout of {self.timeout:g} s.")


def judge_sending(
    command: StoredCommand, answer: CommandAnswer | Exception | None, timing: CommandTiming
) -> CommandResult:
    """The result of an attempt to send. An answer that is missing or a bug of the hub is as uncertain as silence."""
    if isinstance(answer, CommandPending):
        return _wait_for_token(command)
    if isinstance(answer, CommandDone | CommandRefused | CommandAmbiguous):
        return _judge_answer(answer)
    code = answer.code if isinstance(answer, AgencyFailure) else "INTERNAL"
    if isinstance(answer, AgencyFailure) and not answer.sent:
        return CommandResult(state=CommandState.RETRY_WAIT, failure=code, retry_in=compute_outage_pause(answer))
    if isinstance(answer, AgencyRefused):
        return _retry_or_park(command, code, retry_after=answer.retry_after)
    if command.kind.lookup is LookupClass.NONE:
        return CommandResult(state=_PARKED, failure=code)
    return CommandResult(state=_UNKNOWN, failure=code, retry_in=timing.settle)


def judge_lookup(command: StoredCommand, answer: CommandAnswer | Exception | None) -> CommandResult:
    """The result of a lookup. None: the agency certainly has no such command, and it is sent again."""
    if isinstance(answer, CommandPending) or (answer is None and command.outcome is not None):
        return _wait_for_token(command)
    if isinstance(answer, CommandDone | CommandRefused | CommandAmbiguous):
        return _judge_answer(answer)
    if answer is None:
        return CommandResult(state=CommandState.RETRY_WAIT, failure="NOT_FOUND")
    code = answer.code if isinstance(answer, AgencyFailure) else "INTERNAL"
    if isinstance(answer, AgencyFailure) and not answer.sent:
        return CommandResult(state=_UNKNOWN, failure=code, retry_in=compute_outage_pause(answer))
    if command.read_at > command.accepted_at + GIVEN_UP_AFTER:
        return CommandResult(state=_PARKED, failure=code)
    retry_after = answer.retry_after if isinstance(answer, AgencyFailure) else None
    return CommandResult(state=_UNKNOWN, failure=code, retry_in=compute_pause(command.lookups, retry_after))


def wait_for_number(command: StoredCommand) -> CommandResult:
    """The result of a command about a matter that its agency has, and has not numbered yet."""
    return _retry_or_park(command, "CASE_UNNUMBERED", retry_after=FIRST_PAUSE.total_seconds())


def compute_outage_pause(failure: AgencyFailure, failures: int = 1) -> timedelta:
    """The pause before an agency that cannot be reached is tried again.

    It is the same for all commands, so that they keep their order, and short, so that they do not wait long after it.
    """
    wanted = max(FIRST_PAUSE.total_seconds() * failures, failure.retry_after or 0.0)
    return timedelta(seconds=min(wanted, MAX_OUTAGE_PAUSE))


def compute_pause(attempts: int, retry_after: float | None = None) -> timedelta:
    """The pause before the next attempt, with 20 % jitter; at least what the agency wants."""
    pause = min(FIRST_PAUSE.total_seconds() * PAUSE_FACTOR ** min(max(attempts - 1, 0), 16), MAX_PAUSE.total_seconds())
    pause *= uniform(0.8, 1.2)  # noqa: S311 - spreads the retries of commands that failed together
    return timedelta(seconds=max(pause, retry_after or 0.0))


def _wait_for_token(command: StoredCommand) -> CommandResult:
    """The result of a command that its agency has, and has not numbered yet. It is never sent again."""
    if command.read_at > command.accepted_at + GIVEN_UP_AFTER:
        return CommandResult(state=_PARKED, failure="NUMBER_PENDING")
    return CommandResult(state=_UNKNOWN, failure="NUMBER_PENDING", retry_in=compute_pause(command.lookups + 1))


def _judge_answer(answer: CommandAnswer) -> CommandResult:
    if isinstance(answer, CommandDone):
        return CommandResult(state=CommandState.DONE, agency_id=answer.agency_id)
    if isinstance(answer, CommandRefused):
        failure = " ".join(filter(None, (answer.code, answer.field)))
        return CommandResult(state=CommandState.REJECTED, failure=failure)
    return CommandResult(state=_PARKED, failure="AMBIGUOUS")


def _retry_or_park(command: StoredCommand, code: str, *, retry_after: float | None) -> CommandResult:
    if command.read_at > command.accepted_at + GIVEN_UP_AFTER:
        return CommandResult(state=_PARKED, failure=code)
    pause = compute_pause(command.attempts, retry_after)
    return CommandResult(state=CommandState.RETRY_WAIT, failure=code, retry_in=pause)

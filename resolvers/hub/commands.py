"""Commands to agencies: what the hub accepts, and the receipts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from engine.errors import SafeError
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.commands import CommandProblem, CommandReceipt, NewCommand, SubmittedCommand
from records.identifiers import Nik


class CommandsUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """The hub's own database does not answer, so nothing was accepted or read."""

    code = "COMMANDS_UNAVAILABLE"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__("Commands cannot be accepted or read at the moment. Try again later, with the same 'key'.")


class Commands(Protocol):
    """The domain of commands. The composition root binds the hub's own database to it."""

    async def accept(
        self, wanted: Sequence[NewCommand], call: Call
    ) -> Answers[NewCommand, CommandReceipt | CommandProblem]:
        """Store each command, once. What has a receipt is committed. Raises `CommandsUnavailable`."""

    async def find_repeated(
        self, wanted: Sequence[NewCommand], call: Call
    ) -> Answers[NewCommand, CommandReceipt | CommandProblem]:
        """What `accept` would answer for a key that was used before; raises `CommandsUnavailable`."""

    async def changes_of(
        self, people: Sequence[Nik], call: Call, *, asked_at: float
    ) -> Answers[Nik, Sequence[SubmittedCommand]]:
        """The commands of each person about earlier matters that an answer may lack which was asked at `asked_at`.

        It is on the monotonic clock. Raises `CommandsUnavailable`.
        """

    def offers(self, agency: str, command: str) -> bool:
        """Whether an agency takes a command."""

    async def receipts_of(self, people: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[CommandReceipt]]:
        """The commands of each person, newest first; raises `CommandsUnavailable`."""


receipts_of = forward(Commands, Commands.receipts_of, is_of_hub=True, absent=())

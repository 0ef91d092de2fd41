"""The commands that one agency takes, and how the hub sends and looks up each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from records.calls.call import Call
from records.calls.outgoing_commands import SendCommands
from records.hub.commands import CommandKind
from services.commands.delivery_rules import CommandTiming


class PayloadForm(Protocol):
    """The form of the payloads of one version, in the hub's database."""

    def encode(self, payload: Any) -> bytes:  # noqa: ANN401 - the record of the kind
        """The bytes of a payload."""

    def decode(self, stored: bytes) -> Any:  # noqa: ANN401 - the record of the kind
        """The payload; raises `ValueError` for bytes of another form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyCommand:
    """A kind of command at one agency."""

    kind: CommandKind
    form: PayloadForm
    send: SendCommands
    """A command that is absent from the answers may have arrived."""
    look_up: SendCommands
    """A command that is absent from the answers certainly did not arrive."""
    takes_files: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAgency:
    """An agency that takes commands."""

    code: str
    commands: Mapping[tuple[str, int], AgencyCommand]
    """By name and version of the payload: a hub delivers the versions of the release before, too."""
    serves: Sequence[str] = ()
    """Codes of the regions that it serves, if the domain has several agencies."""
    probe: Callable[[Call], Awaitable[None]]
    """A read that proves that the agency answers. Raises `AgencyFailure`."""
    timing: CommandTiming = field(default_factory=CommandTiming)

    def get_newest(self, name: str) -> AgencyCommand | None:
        """The command of the newest version; None if the agency does not take it."""
        versions = [each for each in self.commands.values() if each.kind.name == name]
        return max(versions, key=lambda each: each.kind.version, default=None)

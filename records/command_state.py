"""The states of a command on its way to an agency."""

from __future__ import annotations

from records.description import DescribedEnum


class CommandState(DescribedEnum):
    """The state of a command on its way to an agency."""

    ACCEPTED = "accepted", "Stored, and not sent yet."
    SENDING = "sending", "Being sent to the agency."
    RETRY_WAIT = "retry-wait", "The agency certainly did not act. It is sent again later."
    UNKNOWN = "unknown", "It may have arrived. The hub looks it up at the agency before anything else."
    RECONCILING = "reconciling", "Being looked up at the agency."
    PARKED = "parked", "It waits for a person of the city: the hub cannot know whether it arrived."
    DONE = "done", "The agency carried it out."
    REJECTED = "rejected", "The agency refused it. Nothing was done."

    @property
    def is_open(self) -> bool:
        """Whether the outcome is not certain yet."""
        return self not in {CommandState.DONE, CommandState.REJECTED}

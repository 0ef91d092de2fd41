"""Commands to agencies: receipts, and why one was not accepted."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.policy.rules import Access, Rule
from engine.errors import BadInput
from records.hub.commands import CommandProblem, CommandProblemCode, CommandReceipt, CommandStep
from records.purposes import CitizenScope
from schema.declarations.fields import derived
from schema.declarations.publishing import publishes
from schema.declarations.scalars import publish_enum

MAX_KEY_LENGTH = 64

publish_enum(CommandProblemCode)
OWN = Access(Rule.SELF, citizen_scopes=frozenset({CitizenScope.COMPLAINTS}))
"""Commands are shown to the person alone."""
Key = Annotated[
    str,
    strawberry.argument(
        description=f"Idempotency key of 1 to {MAX_KEY_LENGTH} characters, such as a UUID. Repeating the mutation with"
        " the same key makes one command."
    ),
]


@publishes(CommandStep, rule=Rule.PUBLIC, shows=("at", "state"))
class CommandStepType:
    """The published `CommandStep`. Who may see a receipt may see its steps."""


@publishes(
    CommandReceipt,
    rule=OWN,
    subject="subject",
    shows=("number", "kind", "agency", "state", "accepted_at", "closed_at", "problem", "waits_for", "steps"),
    nested=(CommandStepType,),
)
class CommandReceiptType:
    """The published `CommandReceipt`."""


@publishes(CommandProblem, rule=Rule.PUBLIC, shows=("code", "field"))
class CommandProblemType:
    """The published `CommandProblem`. It holds nothing of a person."""

    @derived(returns=str)
    def message(record: CommandProblem) -> str:
        """What is wrong, and how to fix it."""
        return record.message


def check_key(key: str) -> str:
    """Returns the idempotency key. Raises `BadInput`."""
    if not key.strip() or len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise BadInput(f"Argument 'key' must hold 1 to {MAX_KEY_LENGTH} printable characters, such as a UUID.")
    return key

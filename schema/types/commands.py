"""Commands to agencies: receipts, and why one was not accepted."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.caller import Caller
from auth.policy.rules import Access, Rule
from engine.errors import BadInput
from records.hub.commands import CommandProblem, CommandProblemCode, CommandReceipt, CommandStep, NewCommand
from records.identifiers import Nik
from records.languages import Language
from records.purposes import CitizenScope
from schema.declarations.fields import derived
from schema.declarations.publishing import publishes
from schema.declarations.scalars import publish_enum

MAX_KEY_LENGTH = 64

publish_enum(CommandProblemCode)
OWN = Access(Rule.SELF | Rule.ASSISTANT, citizen_scopes=frozenset({CitizenScope.COMPLAINTS}))
"""Commands are shown to the person, and to their assistant, who may have given them."""
WRITABLE = Access(Rule.SELF | Rule.ASSISTANT, delegation_scopes=frozenset({CitizenScope.COMPLAINTS}))
"""Commands about complaints are given by the person, or by their assistant."""
Key = Annotated[
    str,
    strawberry.argument(
        description=f"Idempotency key of 1 to {MAX_KEY_LENGTH} characters, such as a UUID. Repeating the mutation with"
        " the same key makes one command."
    ),
]
ForPerson = Annotated[
    Nik | None,
    strawberry.argument(
        description="NIK of the person in whose name you do it. Give it as the assistant of a person with a"
        " disability; otherwise leave it out."
    ),
]


@publishes(CommandStep, rule=Rule.PUBLIC, shows=("at", "state"))
class CommandStepType:
    """The published `CommandStep`. Who may see a receipt may see its steps."""


@publishes(
    CommandReceipt,
    rule=OWN,
    subject="subject",
    shows=(
        "number",
        "kind",
        "agency",
        "state",
        "accepted_at",
        "closed_at",
        "problem",
        "problem_field",
        "waits_for",
        "steps",
    ),
    nested=(CommandStepType,),
)
class CommandReceiptType:
    """The published `CommandReceipt`."""

    @derived(returns=str | None)
    def state_text(record: CommandReceipt, language: Language) -> str:
        """The state in the language of `Accept-Language`: Indonesian or English."""
        return record.state.get_text(language)


@publishes(CommandProblem, rule=Rule.PUBLIC, shows=("code", "field"))
class CommandProblemType:
    """The published `CommandProblem`. It holds nothing of a person."""

    @derived(returns=str)
    def message(record: CommandProblem, language: Language) -> str:
        """What is wrong and how to fix it, in the language of `Accept-Language`: Indonesian or English."""
        return record.get_message(language)


def get_author(caller: Caller, for_person: Nik | None) -> Nik | None:
    """The person whose command it is; None without a signed-in person.

    An assistant names the person explicitly, so that nothing is done in another's name by mistake. The rule of the
    field refuses everybody else.
    """
    return None if caller.nik is None else for_person or caller.nik


def get_subject(wanted: NewCommand | None) -> Nik | None:
    """Returns the person whose command it is; None without a signed-in person."""
    return None if wanted is None else wanted.subject


def check_key(key: str) -> str:
    """Returns the idempotency key. Raises `BadInput`."""
    if not key.strip() or len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise BadInput(f"Argument 'key' must hold 1 to {MAX_KEY_LENGTH} printable characters, such as a UUID.")
    return key

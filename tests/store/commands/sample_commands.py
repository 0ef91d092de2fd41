"""Sample commands, as the outbox stores them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from records.hub.commands import CommandKind, LookupClass
from store.commands.command_rows import SealedCommand

SITI, BUDI = b"s" * 32, b"b" * 32
SUBMIT = CommandKind(name="submitComplaint", version=1, agency="crm", lookup=LookupClass.REFERENCE)
COMMENT = CommandKind(name="commentComplaint", version=1, agency="crm", lookup=LookupClass.SEARCH)
BLIND = CommandKind(name="submitComplaint", version=1, agency="strict", lookup=LookupClass.NONE)
KINDS = (("submitComplaint", 1), ("commentComplaint", 1))


def build_command(number: str = "TT-1", kind: CommandKind = SUBMIT, **given: Any) -> SealedCommand:  # noqa: ANN401 - any field
    return SealedCommand(
        **{
            "number": number,
            "kind": kind,
            "case": number,
            "subject": SITI,
            "key": sha256(number.encode()).digest(),
            "digest": sha256(b"a broken lamp").digest(),
            "payload": b"sealed",
            **given,
        }
    )

"""All data with a retention: the one list for settings, the purge and the command line."""

from __future__ import annotations

from collections.abc import Sequence

from store.cases.case_mark_retention import PastCaseMarks
from store.commands.command_retention import ClosedCommands
from store.consents.consent_retention import EndedConsents, PastVerificationTries, PastWebhookCalls, UngrantedRequests
from store.ledger.ledger_retention import LedgerEntries
from store.ledger.refusal_counts import PastRefusals
from store.retention.retention_policy import Purgeable
from store.rights.rights_retention import ClosedDataRequests, EndedRestrictions, PastExports, PastSessions
from store.usage.service_use_table import PastServiceUses


def list_retention_rules() -> Sequence[Purgeable]:
    """Returns all purgeables in the order of the purge: proofs after the data that they prove something about."""
    return (
        LedgerEntries(),
        EndedConsents(),
        UngrantedRequests(),
        PastVerificationTries(),
        PastWebhookCalls(),
        ClosedCommands(),
        ClosedDataRequests(),
        EndedRestrictions(),
        PastCaseMarks(),
        PastExports(),
        PastRefusals(),
        PastServiceUses(),
        PastSessions(),
    )

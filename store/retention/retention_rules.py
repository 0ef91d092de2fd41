"""All that the hub keeps for a time: the one list that settings, the purge and the command line go by."""

from __future__ import annotations

from collections.abc import Sequence

from store.consents.consent_retention import EndedConsents, PastVerificationTries, PastWebhookCalls, UngrantedRequests
from store.ledger.ledger_retention import LedgerEntries
from store.ledger.refusal_counts import PastRefusals
from store.retention.retention_policy import Purgeable
from store.rights.rights_retention import ClosedDataRequests, EndedRestrictions, PastExports, PastSessions


def list_retention_rules() -> Sequence[Purgeable]:
    """Everything with a time of its own, in the order in which it is purged: proofs after what they prove."""
    return (
        LedgerEntries(),
        EndedConsents(),
        UngrantedRequests(),
        PastVerificationTries(),
        PastWebhookCalls(),
        ClosedDataRequests(),
        EndedRestrictions(),
        PastExports(),
        PastRefusals(),
        PastSessions(),
    )

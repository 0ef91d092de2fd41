"""All that the hub keeps for a time: the one list that settings, the purge and the command line go by."""

from __future__ import annotations

from collections.abc import Sequence

from store.consent_purge import EndedConsents, PastCalls, PastTries, UngrantedRequests
from store.ledger_purge import LedgerEntries
from store.purging import Purgeable
from store.refusals import PastRefusals
from store.rights_purge import ClosedDataRequests, EndedRestrictions, PastExports, PastSessions


def retained() -> Sequence[Purgeable]:
    """Everything with a time of its own, in the order in which it is purged: proofs after what they prove."""
    return (
        LedgerEntries(),
        EndedConsents(),
        UngrantedRequests(),
        PastTries(),
        PastCalls(),
        ClosedDataRequests(),
        EndedRestrictions(),
        PastExports(),
        PastRefusals(),
        PastSessions(),
    )

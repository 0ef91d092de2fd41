"""The ways in which an agency fails. Connectors raise a failure, or put it in place of one key's answer.

Callers see a failure by its code. `str()` of each is safe to show: it names the agency and the fix, never a host, an
identity number, or the agency's own words. `detail` holds what the hub really saw, for the hub's log only.
"""

from __future__ import annotations

from typing import ClassVar


class AgencyFailure(Exception):  # noqa: N818 - a failure is an answer of an agency, not an error of ours
    """An agency could not answer a call, or the one key that this failure replaces."""

    code: ClassVar[str] = "AGENCY_UNAVAILABLE"
    message_template: ClassVar[str] = (
        "The agency '{agency}' cannot be reached at the moment. Everything else still answers; try again later."
    )

    def __init__(self, agency: str, detail: str = "", *, retry_after: float | None = None, sent: bool = True) -> None:
        """Stores the agency; `detail` for the log; `retry_after` in seconds, if the agency sent one.

        `sent` is whether the agency may have received something. If not, it certainly did nothing.
        """
        super().__init__(self.message_template.format(agency=agency))
        self.agency = agency
        self.detail = detail
        self.retry_after = retry_after
        self.sent = sent


class AgencyUnavailable(AgencyFailure):
    """The agency is unreachable or reports an error (connection refused, HTTP 5xx, SOAP server fault, SQL error)."""


class AgencyTimeout(AgencyFailure):
    """No answer before the deadline of the call or of the request."""

    code = "AGENCY_TIMEOUT"
    message_template = "The agency '{agency}' did not answer in time. Everything else still answers; try again later."


class AgencyRefused(AgencyFailure):
    """The agency answered with a refusal, for example of the hub's credentials or rate (HTTP 401, 403, 429)."""

    code = "AGENCY_REFUSED"
    message_template = "The agency '{agency}' refused the hub's call. The operators of the hub can fix this."


class AgencyClockSkew(AgencyRefused):
    """The agency refused a call whose signature holds the time, and its clock differs from the hub's."""

    code = "AGENCY_CLOCK_SKEW"
    message_template = (
        "The agency '{agency}' refused the hub's call, because its clock and the hub's differ. The operators of the hub"
        " can fix this."
    )


class AgencyLimitReached(AgencyRefused):
    """The hub did not call the agency: its daily quota is used up, or its last reply requested a pause."""

    message_template = (
        "The hub may not call the agency '{agency}' at the moment: the agency limits its calls. Everything else still "
        "answers; try again later."
    )


class AgencyClosed(AgencyFailure):
    """The agency is closed at this hour by its terms, so the hub did not call it."""

    code = "AGENCY_CLOSED"
    message_template = (
        "The agency '{agency}' is closed at this hour. Everything else still answers; ask again when it opens."
    )


class AgencyNotOffered(AgencyFailure):
    """The agency does not have this data: its manifest says so, and the hub did not call it."""

    code = "AGENCY_NOT_OFFERED"
    message_template = (
        "The agency '{agency}' does not offer this data. Everything else still answers; do not ask it again."
    )


class AgencyMalformed(AgencyFailure):
    """The agency's answer does not match its interface."""

    code = "AGENCY_MALFORMED"
    message_template = (
        "The agency '{agency}' answered something the hub cannot read. The operators of the hub can fix this."
    )


class ReplyBudgetSpent(AgencyMalformed):
    """The replies for one client request exceed the reply budget, though each of them may be valid."""

"""How an agency can fail us. Raised by connectors, or put in place of one key's answer; shown to callers by code.

`str()` of each is safe to show: it names the agency and the mend, never a host, a number of a person, or the
agency's own words. What was really seen goes to `detail`, which is for the log of the hub only.
"""

from __future__ import annotations

from typing import ClassVar


class AgencyFailure(Exception):  # noqa: N818 - a failure is an answer of an agency, not an error of ours
    """An agency could not answer a call, or not the part of it that this stands for."""

    code: ClassVar[str] = "AGENCY_UNAVAILABLE"
    message_template: ClassVar[str] = (
        "The agency '{agency}' cannot be reached at the moment. Everything else still answers; try again later."
    )

    def __init__(self, agency: str, detail: str = "", *, retry_after: float | None = None) -> None:
        """Name the agency; `detail` is for the log; `retry_after` in seconds, where the agency gave one."""
        super().__init__(self.message_template.format(agency=agency))
        self.agency = agency
        self.detail = detail
        self.retry_after = retry_after


class AgencyUnavailable(AgencyFailure):
    """Not reachable, or failing by its own account (connection refused, HTTP 5xx, SOAP server fault, SQL error)."""


class AgencyTimeout(AgencyFailure):
    """No answer before the deadline of the call or of the request."""

    code = "AGENCY_TIMEOUT"
    message_template = "The agency '{agency}' did not answer in time. Everything else still answers; try again later."


class AgencyRefused(AgencyFailure):
    """The agency answered, and said no: credentials, quota, closing hours, or a rate limit."""

    code = "AGENCY_REFUSED"
    message_template = "The agency '{agency}' refused the hub's call. The operators of the hub can mend this."


class AgencyClosed(AgencyFailure):
    """The agency is closed at this hour, by the terms it is asked under; it was not asked."""

    code = "AGENCY_CLOSED"
    message_template = (
        "The agency '{agency}' is closed at this hour. Everything else still answers; ask again when it opens."
    )


class AgencyMalformed(AgencyFailure):
    """The agency answered something that is not what its interface promises."""

    code = "AGENCY_MALFORMED"
    message_template = (
        "The agency '{agency}' answered something the hub cannot read. The operators of the hub can mend this."
    )


class ReplyBudgetSpent(AgencyMalformed):
    """All replies for one client request hold more than is read for one; each may be sound by itself."""

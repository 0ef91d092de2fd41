"""Failures of agencies: the text for callers, and the detail for the log."""

import pytest

from records.calls.failures import (
    AgencyClosed,
    AgencyFailure,
    AgencyLimitReached,
    AgencyMalformed,
    AgencyNotOffered,
    AgencyRefused,
    AgencyTimeout,
    AgencyUnavailable,
)

DETAIL = "connection refused by 10.1.2.3:5432"


@pytest.mark.parametrize(
    ("kind", "code", "says"),
    [
        (
            AgencyUnavailable,
            "AGENCY_UNAVAILABLE",
            "The agency 'pbb' cannot be reached at the moment. Everything else still answers; try again later.",
        ),
        (
            AgencyTimeout,
            "AGENCY_TIMEOUT",
            "The agency 'pbb' did not answer in time. Everything else still answers; try again later.",
        ),
        (
            AgencyRefused,
            "AGENCY_REFUSED",
            "The agency 'pbb' refused the hub's call. The operators of the hub can fix this.",
        ),
        (
            AgencyLimitReached,
            "AGENCY_REFUSED",
            (
                "The hub may not call the agency 'pbb' at the moment: the agency limits its calls. Everything else"
                " still answers; try again later."
            ),
        ),
        (
            AgencyClosed,
            "AGENCY_CLOSED",
            "The agency 'pbb' is closed at this hour. Everything else still answers; ask again when it opens.",
        ),
        (
            AgencyNotOffered,
            "AGENCY_NOT_OFFERED",
            "The agency 'pbb' does not offer this data. Everything else still answers; do not ask it again.",
        ),
        (
            AgencyMalformed,
            "AGENCY_MALFORMED",
            "The agency 'pbb' answered something the hub cannot read. The operators of the hub can fix this.",
        ),
    ],
)
def test_a_failure_names_the_agency_and_the_fix_and_keeps_its_detail_to_itself(
    kind: type[AgencyFailure], code: str, says: str
) -> None:
    failure = kind("pbb", DETAIL, retry_after=2.5)
    assert str(failure) == says
    assert DETAIL not in repr(failure)
    assert (failure.code, failure.agency, failure.detail, failure.retry_after) == (code, "pbb", DETAIL, 2.5)


def test_every_kind_of_failure_has_its_own_code() -> None:
    kinds = AgencyFailure.__subclasses__()
    assert sorted(kind.code for kind in kinds) == [
        "AGENCY_CLOSED",
        "AGENCY_MALFORMED",
        "AGENCY_NOT_OFFERED",
        "AGENCY_REFUSED",
        "AGENCY_TIMEOUT",
        "AGENCY_UNAVAILABLE",
    ]


def test_detail_and_retry_after_are_optional() -> None:
    assert (AgencyTimeout("crm").detail, AgencyTimeout("crm").retry_after) == ("", None)

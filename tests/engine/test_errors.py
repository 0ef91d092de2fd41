"""Errors as callers see them, and as they are logged."""

import logging
import re
from typing import Any

import pytest
from graphql import GraphQLError

from engine.errors import BadInput, Forbidden, build_request_error, format_errors, mask_numbers
from records.calls.failures import AgencyMalformed, AgencyRefused, AgencyTimeout, AgencyUnavailable
from tests.engine.library_schema import CARD, get_messages, run

SECRET = "Siti Aminah of postgres://dukcapil.internal:5432"


def failing(error: BaseException) -> dict[str, Any]:
    def fail() -> None:
        raise error

    return {"secret": fail, "broken": fail}


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        (
            AgencyUnavailable("crm", "connection refused by 10.0.0.1"),
            "AGENCY_UNAVAILABLE",
            "The agency 'crm' cannot be reached at the moment. Everything else still answers; try again later.",
        ),
        (
            AgencyTimeout("crm", "after 5 s"),
            "AGENCY_TIMEOUT",
            "The agency 'crm' did not answer in time. Everything else still answers; try again later.",
        ),
        (
            AgencyRefused("crm", "HTTP 403"),
            "AGENCY_REFUSED",
            "The agency 'crm' refused the hub's call. The operators of the hub can fix this.",
        ),
        (
            AgencyMalformed("crm", "no JSON"),
            "AGENCY_MALFORMED",
            "The agency 'crm' answered something the hub cannot read. The operators of the hub can fix this.",
        ),
    ],
)
async def test_a_failing_agency_is_named_with_its_code_and_fails_only_its_field(
    failure: Exception, code: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = await run("{ secret count }", context={**failing(failure), "count": 1})
    assert response.data == {"secret": None, "count": 1}
    assert list(response.errors) == [
        {
            "message": message,
            "locations": [{"line": 1, "column": 3}],
            "path": ["secret"],
            "extensions": {"code": code, "agency": "crm"},
        }
    ]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.messages == [f"{code} of agency crm in request r-1: {failure.detail}"]  # type: ignore[attr-defined]  # an AgencyFailure


async def test_the_retry_time_of_an_agency_is_shown() -> None:
    response = await run("{ secret }", context=failing(AgencyRefused("pangan", retry_after=1.5)))
    assert response.errors[0]["extensions"] == {"code": "AGENCY_REFUSED", "agency": "pangan", "retryAfter": 1.5}


async def test_a_safe_error_is_shown() -> None:
    assert get_messages(await run("{ secret }", context=failing(BadInput("Argument 'x' is 5; it must be 4.")))) == [
        ("BAD_USER_INPUT", "Argument 'x' is 5; it must be 4.")
    ]
    assert get_messages(await run("{ secret }", context=failing(Forbidden("Not yours.", "NOT_YOURS")))) == [
        ("FORBIDDEN", "Not yours.")
    ]


async def test_any_other_exception_becomes_an_incident_number_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = RuntimeError(f"cannot serve {CARD}")
    error.__cause__ = LookupError(SECRET)
    response = await run("{ secret }", context=failing(error))
    [shown] = response.errors
    incident = shown["extensions"]["incident"]
    assert re.fullmatch(r"[0-9a-f]{12}", incident)
    assert shown == {
        "message": f"The hub failed to answer this field. Incident {incident}.",
        "locations": [{"line": 1, "column": 3}],
        "path": ["secret"],
        "extensions": {"code": "INTERNAL", "incident": incident},
    }
    assert f"Incident {incident} in request r-1: RuntimeError\n" in caplog.text
    assert "caused by LookupError\n" in caplog.text
    assert CARD not in caplog.text
    assert SECRET not in caplog.text


async def test_an_incident_number_is_never_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    random = iter(["123456789012", "1234567890ab", "a1234567890b", "123456789abc"])
    monkeypatch.setattr("engine.errors.token_hex", lambda _bytes: next(random))
    response = await run("{ secret }", context=failing(ValueError("x")))
    assert get_messages(response) == [
        ("INTERNAL", "The hub failed to answer this field. Incident 123456789abc."),
    ]


async def test_a_value_of_a_wrong_type_is_an_incident_and_is_not_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = await run("{ count }", context={"count": SECRET})
    [(code, message)] = get_messages(response)
    assert code == "INTERNAL"
    assert SECRET not in message
    assert SECRET not in caplog.text
    assert response.data is None


async def test_a_null_in_a_non_null_field_is_an_incident() -> None:
    response = await run("{ count }", context={})
    assert [code for code, _ in get_messages(response)] == ["INTERNAL"]


@pytest.mark.parametrize("failure", [AgencyTimeout("crm", "slow"), ValueError("x")])
async def test_one_failure_of_many_fields_is_logged_once_with_one_incident_number(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = await run("{ a: secret b: secret c: broken }", context=failing(failure))
    assert len(response.errors) == 3
    assert len({str(error["extensions"]) for error in response.errors}) == 1
    assert len(caplog.records) == 1


async def test_two_failures_have_two_incident_numbers() -> None:
    context = {"secret": failing(ValueError("x"))["secret"], "broken": failing(ValueError("x"))["broken"]}
    response = await run("{ secret broken }", context=context)
    assert len({error["extensions"]["incident"] for error in response.errors}) == 2


@pytest.mark.parametrize(("count", "listed"), [(1_000, 1_000), (1_001, 1_001), (1_100, 1_001)])
def test_at_most_1000_failed_fields_are_listed_and_the_others_are_counted(count: int, listed: int) -> None:
    shown = format_errors([GraphQLError("", original_error=BadInput("No."))] * count, request_id="r")
    assert len(shown) == listed
    if count > 1_000:
        assert shown[1_000] == {
            "message": f"{count - 1_000} more errors are not listed.",
            "extensions": {"code": "MORE_ERRORS"},
        }


def test_at_most_50_failures_of_an_answer_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    causes = [AgencyTimeout("crm", "slow") if n % 2 else ValueError(SECRET) for n in range(120)]

    shown = format_errors([GraphQLError("", original_error=each) for each in causes], request_id="r")

    assert len(caplog.records) == 50
    assert [each["extensions"]["code"] for each in shown] == ["INTERNAL", "AGENCY_TIMEOUT"] * 60
    assert [number for number, each in enumerate(shown) if "incident" in each["extensions"]] == list(range(0, 50, 2))
    assert shown[118] == {
        "message": "The hub failed to answer this field, like others of this request.",
        "extensions": {"code": "INTERNAL"},
    }


async def test_at_most_50_refused_variables_are_listed() -> None:
    response = await run("query ($c: [Card!]!) { readers(cards: $c) { name } }", {"c": ["x"] * 200})
    assert len(response.errors) == 51
    assert {code for code, _ in get_messages(response)[:50]} == {"BAD_USER_INPUT"}
    assert get_messages(response)[50] == ("MORE_ERRORS", "1 more errors are not listed.")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"NIK {CARD}.", "NIK [number]."),
        ("3171 0145 0690 0001", "[number]"),
        ("NOP 31.72.010.001.001-0001.0 here", "NOP [number] here"),
        ("1234567890", "[number]"),
        ("123456789", "123456789"),
        ("a region like 31.71.01.1001", "a region like 31.71.01.1001"),
        ("2026-11-23T08:00:00+07:00", "2026-11-23T08:00:00+07:00"),
        ("\uff11" * 16, "[number]"),
        ("5000 tokens, 2000 fields", "5000 tokens, 2000 fields"),
    ],
)
def test_long_numbers_are_masked_in_messages(text: str, masked: str) -> None:
    assert mask_numbers(text) == masked
    assert build_request_error(text, "X")["message"] == masked
    assert format_errors([GraphQLError(text, original_error=BadInput(text))], request_id="r")[0]["message"] == masked


async def test_errors_keep_the_order_and_the_paths_of_their_fields() -> None:
    response = await run("{ b: secret a: broken }", context=failing(BadInput("No.")))
    assert [error["path"] for error in response.errors] == [["b"], ["a"]]


def test_a_message_is_cut_however_long_the_request_is() -> None:
    assert mask_numbers("x" * 1_000_000) == "x" * 500 + " ..."
    assert mask_numbers("x" * 500) == "x" * 500

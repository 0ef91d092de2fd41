"""Describes invalid settings in one line, by the names of their variables."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from settings.city.problems import ManifestError


def describe_settings_error(problem: ValueError) -> str:
    """The line names what is wrong with each value, but never contains the value."""
    if not isinstance(problem, ValidationError):
        return str(problem)
    errors = _describe_errors(problem.errors(include_input=False, include_url=False))
    return f"the hub's settings are not complete: {errors}"


def _describe_errors(errors: Sequence[ErrorDetails]) -> str:
    missing = [_get_variable_name(error) for error in errors if error["type"] == "missing"]
    wrong = [error for error in errors if error["type"] != "missing"]
    reasons = [
        f"{_get_variable_name(error)}: {_get_message(error)}"
        if error["loc"]
        else error["msg"].removeprefix("Value error, ")
        for error in wrong
    ]
    return "; ".join([*reasons, *([f"not set: {', '.join(missing)}"] if missing else [])])


def _get_message(error: ErrorDetails) -> str:
    """The message; the problems of a city folder stand for themselves."""
    cause = error.get("ctx", {}).get("error")
    return str(cause) if isinstance(cause, ManifestError) else error["msg"]


def _get_variable_name(error: ErrorDetails) -> str:
    return f"SIMPUL_{'__'.join(str(part) for part in error['loc']).upper()}"

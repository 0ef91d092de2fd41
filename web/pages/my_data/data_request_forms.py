"""The forms in which a person makes a request about their own data: fields, checks and mutations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from records.hub.data_requests import MAX_TEXT_LENGTH
from records.purposes import Purpose
from web.pages.personal_routes import FormSubmission
from web.pages.words import Words


@dataclass(frozen=True, slots=True)
class RequestForm:
    """A kind of request."""

    kind: str
    """Its name in the graph."""
    mutation: str
    parts: Sequence[str]
    """The fields of the form: `field`, `agency`, `purposes`, and texts."""
    required: frozenset[str] = frozenset()


REQUEST_FORMS: Final[Mapping[str, RequestForm]] = {
    "correction": RequestForm(
        "CORRECTION",
        """\
mutation CorrectionOnPage($field: String!, $says: String!, $wanted: String!, $key: String!) {
  made: requestCorrection(field: $field, says: $says, wanted: $wanted, key: $key) { number }
}
""",
        ("field", "wanted", "says"),
        frozenset({"field", "wanted", "says"}),
    ),
    "erasure": RequestForm(
        "ERASURE",
        """\
mutation ErasureOnPage($says: String!, $agency: String, $key: String!) {
  made: requestErasure(says: $says, agency: $agency, key: $key) { number }
}
""",
        ("agency", "says"),
        frozenset({"says"}),
    ),
    "restriction": RequestForm(
        "RESTRICTION",
        """\
mutation RestrictionOnPage($purposes: [Purpose!], $says: String, $key: String!) {
  made: restrictProcessing(purposes: $purposes, says: $says, key: $key) { number }
}
""",
        ("purposes", "says"),
        frozenset({"purposes"}),
    ),
    "copy": RequestForm(
        "ACCESS",
        """\
mutation CopyOnPage($says: String, $agency: String, $key: String!) {
  made: requestAccessCopy(says: $says, agency: $agency, key: $key) { number }
}
""",
        ("agency", "says"),
    ),
    "objection": RequestForm(
        "OBJECTION",
        """\
mutation ObjectionOnPage($says: String!, $agency: String, $key: String!) {
  made: objectToDecision(says: $says, agency: $agency, key: $key) { number }
}
""",
        ("agency", "says"),
        frozenset({"says"}),
    ),
}
"""By the last part of the address."""
ALL_PURPOSES: Final = "ALL"


def check_submission(
    form: RequestForm, submission: FormSubmission, offered: Mapping[str, Sequence[str]], words: Words
) -> Mapping[str, str]:
    """What is wrong with each field. `offered` are the values of fields with choices."""
    texts, problems = words["data_requests"]["problems"], {}
    for part in form.parts:
        values = submission.fields.get(part, [])
        text = submission.get(part)
        if part == "purposes":
            is_empty, is_known = not values, set(values) <= {ALL_PURPOSES, *Purpose.__members__}
        else:
            is_empty, is_known = not text, part not in offered or not text or text in offered[part]
        if is_empty and part in form.required:
            problems[part] = texts[part]
        elif not is_known:
            problems[part] = texts["choice"]
        elif len(text) > MAX_TEXT_LENGTH:
            problems[part] = texts["too_long"].format(length=len(text), maximum=MAX_TEXT_LENGTH)
    return problems


def build_variables(form: RequestForm, submission: FormSubmission) -> Mapping[str, Any]:
    """The variables of the mutation."""
    variables: dict[str, Any] = {part: submission.get(part) or None for part in form.parts}
    if "purposes" in variables:
        chosen = submission.fields.get("purposes", [])
        variables["purposes"] = [] if ALL_PURPOSES in chosen else list(dict.fromkeys(chosen))
    return {**variables, "key": submission.build_key(repr(sorted(variables.items())))}

"""The form of a new complaint: its checks, its variables for the graph, and the problems that the graph finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from web.pages.complaints.places import ComplaintPlace, find_places
from web.pages.personal_routes import FormSubmission, get_problem_text
from web.pages.words import Words

MAX_PHOTOS: Final = 5
MAX_DESCRIPTION_LENGTH: Final = 2_000
MAX_ADDRESS_LENGTH: Final = 200
SUBMIT_MUTATION: Final = """\
mutation SubmitOnPage($complaint: NewComplaintInput!, $key: String!) {
  submitComplaint(complaint: $complaint, key: $key) {
    ... on CommandReceipt { number }
    ... on CommandProblem { code field message }
  }
}
"""
_ANSWER: Final = "answer-"


def check_form(submission: FormSubmission, places: Sequence[ComplaintPlace], words: Words) -> Mapping[str, str]:
    """What the form itself can tell, by field. The graph checks the rest."""
    texts, problems = words["complaint"]["problems"], {}
    if not submission.get("description"):
        problems["description"] = texts["description"]
    for name, maximum in (("description", MAX_DESCRIPTION_LENGTH), ("address", MAX_ADDRESS_LENGTH)):
        if len(submission.get(name)) > maximum:
            problems[name] = texts["too_long"].format(length=len(submission.get(name)), maximum=maximum)
    place = submission.get("place")
    if not place and not submission.get("address"):
        problems["place"] = texts["no_place"]
    elif place and len(find_places(places, place)) != 1:
        problems["place"] = texts["place"]
    for number in range(1, MAX_PHOTOS + 1):
        if f"photo-{number}" in submission.files and not submission.get(f"alt-{number}"):
            problems[f"alt-{number}"] = texts["alt"]
    return problems


def build_variables(
    submission: FormSubmission, category: str, places: Sequence[ComplaintPlace], questions: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The variables of the mutation."""
    found = find_places(places, submission.get("place"))
    complaint: dict[str, Any] = {
        "categoryCode": category,
        "description": submission.get("description"),
        "region": found[0].code if found else None,
        "address": submission.get("address") or None,
        "answers": [
            {"code": each["code"], "values": values}
            for each in questions
            if (values := submission.get_all(f"{_ANSWER}{each['code']}"))
        ],
    }
    numbers = [number for number in range(1, MAX_PHOTOS + 1) if f"photo-{number}" in submission.files]
    files = [submission.files[f"photo-{number}"] for number in numbers]
    alternative_texts = [submission.get(f"alt-{number}") for number in numbers]
    content = repr((complaint, [each.digest for each in files], alternative_texts))
    if files:  # the graph of a city without photos has no such field
        complaint["photos"] = [
            {"file": file, "alternativeText": text} for file, text in zip(files, alternative_texts, strict=True)
        ]
    return {"complaint": complaint, "key": submission.build_key(content)}


def place_problem(problem: Mapping[str, Any], submission: FormSubmission) -> Mapping[str, str]:
    """A problem of the graph, beside the field of the form that it names."""
    first, _, rest = str(problem["field"] or "").partition(".")
    numbers = [number for number in range(1, MAX_PHOTOS + 1) if f"photo-{number}" in submission.files]
    match first:
        case "region" | "point":
            name = "place"
        case "answers" if rest:
            name = f"{_ANSWER}{rest}"
        case "photos":
            index, _, part = rest.partition(".")
            number = numbers[int(index)] if index.isdecimal() and int(index) < len(numbers) else 1
            name = f"alt-{number}" if part == "alternativeText" else f"photo-{number}"
        case _:
            name = first if first in {"description", "address"} else "description"
    return {name: get_problem_text(problem)}

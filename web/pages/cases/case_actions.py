"""What a person can do with a case on a page: the address of the form of each mutation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from web.pages.words import Words

ACTION_PATHS: Final[Mapping[str, str]] = {
    "commentComplaint": "/complaints/{complaint}/comment",
    "publishComplaint": "/complaints/{complaint}/publish",
    "rateResolution": "/complaints/{complaint}/rate",
    "withdrawComplaint": "/complaints/{complaint}/withdraw",
    "withdrawDataRequest": "/my-data/requests/{number}/withdraw",
    "endRestriction": "/my-data/requests/{number}/withdraw",
    "revokeConsent": "/consents/{consent}/revoke",
    "grantConsent": "/consent/{request}",
    "refuseConsent": "/consent/{request}",
}
"""By the name of the mutation, with the members of the case's subject."""


class CaseLink(NamedTuple):
    """A mutation on the page of a case."""

    name: str
    """Its name for people."""
    path: str | None
    """The address of its form; None if it is not possible now."""
    reason: str | None


def list_links(case: Mapping[str, Any], words: Words) -> list[CaseLink]:
    """The actions of a case, those that are possible first; one form of two mutations once."""
    possible: dict[str, CaseLink] = {}
    impossible: list[CaseLink] = []
    for each in case["actions"]:
        template, name = ACTION_PATHS.get(each["name"]), words.named("case_actions", each["name"], "")
        if template is None or not name:
            continue
        if each["allowed"]:
            path = template.format(**case["subject"])
            possible.setdefault(path, CaseLink(name, path, None))
        else:
            impossible.append(CaseLink(name, None, each["reason"]))
    return [*possible.values(), *impossible]

"""What a person consented to, in the graph."""

from __future__ import annotations

from typing import Any

import strawberry

from auth.rules import Access, Rule
from records.consents import Consent, ConsentAnswer, ConsentPage, ConsentPosition, ConsentQuery, ConsentText
from records.population import Citizen
from schema.publishing import publishes
from schema.relay import After, First, checked_first, cursor_of, page, pages_of, position_of

BY_CONSENT = Access(Rule.PARTNER, by_any_consent=True)
"""What a partner is told of the consent itself."""
_OF_CONSENT = Access(Rule.SELF | Rule.PARTNER, by_any_consent=True)


@publishes(ConsentText, rule=Rule.SELF, subject="subject", shows=("language", "version", "text"))
class ConsentTextType:
    """A text in the graph."""


@publishes(
    Consent,
    rule=_OF_CONSENT,
    apart={"texts": Access(Rule.SELF)},
    subject="subject",
    shows=(
        "id",
        "client",
        "partner",
        "scopes",
        "purpose",
        "state",
        "granted_at",
        "expires_at",
        "revoked_at",
        "texts",
    ),
    nested=(ConsentTextType,),
)
class ConsentType:
    """A consent in the graph."""

    id: strawberry.ID | None


@publishes(
    ConsentAnswer,
    rule=Rule.SELF,
    subject="subject",
    shows=("consent", "return_to"),
    nested=(ConsentType,),
)
class ConsentAnswerType:
    """An answer in the graph."""


@pages_of(ConsentType, one="consent", many="consents")
class ConsentConnectionType:
    """A page of a person's consents."""


def consents_of(record: Citizen, first: First = 20, after: After = None) -> ConsentQuery:
    """The page that the arguments ask for; raises `BadInput`."""
    position = None if after is None else ConsentPosition(at=position_of(after)[0], id=position_of(after)[1])
    return ConsentQuery(subject=record.nik, first=checked_first(first), after=position)


def consent_connection(found: ConsentPage, arguments: Any) -> Any:  # noqa: ANN401 - see `page`
    """The page of a list as a connection."""
    return page(
        ConsentConnectionType,
        found.consents,
        cursor=lambda each: cursor_of(each.granted_at, each.id),
        has_more=found.has_more,
        arguments=arguments,
    )

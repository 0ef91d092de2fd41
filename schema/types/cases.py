"""The inbox: cases of all kinds, and what the person has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from auth.policy.rules import Access, Rule
from records.cases import (
    Case,
    CaseAction,
    CaseActivity,
    CaseActor,
    CaseClock,
    CaseKey,
    CaseKind,
    CasePage,
    CasePosition,
    CaseQuery,
    CaseState,
    CaseStep,
)
from records.population import Citizen
from records.purposes import CitizenScope
from resolvers.cases.inbox import case_pages, cases, mark_cases_seen
from schema.declarations.additions import adds_to, adds_to_mutation
from schema.declarations.computed_fields import union_field
from schema.declarations.fields import edge
from schema.declarations.node_arguments import root_of_nodes
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import (
    After,
    ConnectionPage,
    First,
    Node,
    build_connection,
    check_first,
    connection_of,
    decode_cursor,
    encode_cursor,
)
from schema.declarations.scalars import publish_enum
from schema.types.commands import CommandReceiptType
from schema.types.complaints import ComplaintType
from schema.types.consent_requests import ConsentRequestType
from schema.types.consents import ConsentType
from schema.types.data_requests import DataRequestType
from schema.types.population import CitizenType

for _enum in (CaseKind, CaseState, CaseActor):
    publish_enum(_enum)
READABLE = Access(Rule.SELF | Rule.GUARDIAN | Rule.ASSISTANT, delegation_scopes=frozenset({CitizenScope.COMPLAINTS}))
"""A guardian and an assistant see the kinds of cases whose records they may read (`CaseSource.rules`)."""


@publishes(CaseStep, rule=Rule.PUBLIC, shows=("what", "by", "name"))
class CaseStepType:
    """The published `CaseStep`. Who may see a case may see its parts."""


@publishes(CaseClock, rule=Rule.PUBLIC, shows=("due_at", "is_late"))
class CaseClockType:
    """The published `CaseClock`."""


@publishes(CaseActivity, rule=Rule.PUBLIC, shows=("at", "text", "by"))
class CaseActivityType:
    """The published `CaseActivity`."""


@publishes(CaseAction, rule=Rule.PUBLIC, shows=("name", "allowed", "reason"))
class CaseActionType:
    """The published `CaseAction`."""


@publishes(
    Case,
    rule=READABLE,
    subject="person",
    shows=("kind", "title", "state", "next_step", "clock", "seen", "changed_at", "activities", "actions"),
    nested=(CaseStepType, CaseClockType, CaseActivityType, CaseActionType),
    refetch=Refetch(
        batch=cases, seal=lambda case: str(case.key), unseal=CaseKey.parse, get_subject=lambda key: key.person
    ),
)
class CaseType(Node):
    """The published `Case`."""

    subject: Any = union_field(
        ("CaseSubject", "The record behind a case."),
        (ComplaintType, DataRequestType, ConsentType, ConsentRequestType, CommandReceiptType),
        get_record=lambda case: case.subject,
        description="The record behind it, with its own rules. A submitted complaint that its agency refused is a"
        " receipt.",
    )


@connection_of(
    CaseType,
    item_name="case",
    items_name="cases",
    has_total=True,
    counts={"unseen_count": "Those of them whose last change you have not seen; null if an agency did not answer."},
)
class CaseConnectionType:
    """A page of cases."""


@strawberry.input(description="Filters cases. All given conditions must match.")
class CaseFilter:
    """The filter of `cases`."""

    kinds: list[CaseKind] | None = strawberry.field(default=None, description="Of any of these kinds.")
    open: bool | None = strawberry.field(
        default=None, description="Only cases in which somebody has to act, or with false only the others."
    )
    unseen: bool | None = strawberry.field(
        default=None, description="Only cases whose last change you have not seen, or with false only the others."
    )


def build_case_query(
    record: Citizen,
    first: First = 20,
    after: After = None,
    filter: Annotated[  # noqa: A002 - the name that clients of connections expect
        CaseFilter | None, strawberry.argument(description="Filter; all cases if omitted.")
    ] = None,
) -> CaseQuery:
    """Builds the query of the requested page. Raises `BadInput`."""
    wanted = filter or CaseFilter()
    return CaseQuery(
        person=record.nik,
        first=check_first(first),
        after=CasePosition(changed_at=decode_cursor(after)[0], place=decode_cursor(after)[1]) if after else None,
        kinds=frozenset(CaseKind if wanted.kinds is None else wanted.kinds),
        is_open=wanted.open,
        is_seen=None if wanted.unseen is None else not wanted.unseen,
    )


def build_case_connection(found: CasePage, arguments: Mapping[str, Any]) -> ConnectionPage:
    """Builds the connection of a page."""
    return build_connection(
        CaseConnectionType,
        found.cases,
        cursor=lambda each: encode_cursor(each.changed_at, each.key.place),
        has_more=found.has_more,
        arguments=arguments,
        total_count=found.total,
        unseen_count=found.unseen,
    )


@adds_to(CitizenType)
class CitizenCases:
    """The inbox of a citizen."""

    cases: CaseConnectionType | None = edge(
        case_pages,
        key=build_case_query,
        rule=READABLE,
        transform=build_case_connection,
        description="The citizen's cases with the city, last change first: complaints, requests about their data, and"
        " consents. An agency that does not answer is named in `extensions.incomplete`.",
    )


@adds_to_mutation
class CaseMutations:
    """What a person does with their inbox."""

    mark_cases_seen = root_of_nodes(
        mark_cases_seen,
        CaseType,
        rule=Rule.SELF,
        description="Mark cases as seen, up to the change that the answer shows. A later change makes them unseen"
        " again. Repeating it changes nothing.",
    )

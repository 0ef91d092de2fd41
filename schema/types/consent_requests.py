"""A partner's request for consent, for the person who answers it."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.policy.rules import Classification, Rule
from records.description import DECIDES_ACCESS, Doc
from records.hub.consents import ConsentRequest, ConsentText, PersonalConsentKey
from records.identifiers import Nik
from records.population import Citizen
from records.purposes import Scope
from records.record import record as as_record
from schema.declarations.access_directives import DataClass, SpecificKind
from schema.declarations.fields import derived
from schema.declarations.publishing import publishes
from schema.tools.consent_preview import CHILD_ROOT, OWN_ROOT, build_preview_document, list_granted_fields
from schema.types.consents import ConsentTextType
from services.consents.consent_text import AgreementTerms, build_consent_texts


@as_record
class ConsentField:
    """One field that the partner would read."""

    subject: Annotated[Nik, DECIDES_ACCESS]
    """The person."""
    classification: Classification
    field: Annotated[str, Doc("The field of this graph, such as `TaxObject.address`.")]
    scope: Annotated[Scope, Doc("The scope that covers it.")]
    description: Annotated[str, Doc("The description of the field.")]


@publishes(ConsentField, rule=Rule.SELF, subject="subject", shows=("field", "scope", "description"))
class ConsentFieldType:
    """The published `ConsentField`."""

    @derived(returns=DataClass | None)
    def class_(record: ConsentField) -> DataClass:
        """The sensitivity of the field."""
        return DataClass[record.classification.level]

    class_.graphql_name = "class"

    @derived(returns=SpecificKind | None)
    def kind(record: ConsentField) -> SpecificKind | None:
        """The kind of specific personal data; null for other data."""
        kind = record.classification.kind
        return None if kind is None else SpecificKind[kind]


Chosen = Annotated[
    list[Scope] | None, strawberry.argument(description="Only for these scopes; for all requested ones if omitted.")
]


@publishes(
    ConsentRequest,
    rule=Rule.SELF,
    subject="subject",
    shows=(
        "id",
        "client",
        "partner",
        "purpose",
        "scopes",
        "asked_at",
        "answer_by",
        "would_expire_at",
        "is_about_child",
    ),
    nested=(ConsentTextType,),
)
class ConsentRequestType:
    """The published `ConsentRequest`."""

    id: strawberry.ID | None

    @derived(returns=list[ConsentFieldType] | None, expected_size=40)
    def fields(record: ConsentRequest, scopes: Chosen = None) -> list[ConsentField]:
        """All fields that the partner would read, each once."""
        return [
            ConsentField(
                subject=record.subject,
                classification=each.classification,
                field=each.coordinate,
                scope=each.scope,
                description=each.description,
            )
            for each in list_granted_fields(_select_scopes(record, scopes), record.purpose, record.readable_fields)
        ]

    @derived(returns=str | None)
    def preview_document(record: ConsentRequest, scopes: Chosen = None) -> str | None:
        """A GraphQL operation that shows the values the partner would read. Run it as the person.

        If the request is about a child, its variable `$child` is the child's NIK. Null if the partner would read no
        value, such as for a comparison only.
        """
        root = CHILD_ROOT if record.is_about_child else OWN_ROOT
        return build_preview_document(_select_scopes(record, scopes), record.purpose, record.readable_fields, root)

    @derived(returns=list[ConsentTextType] | None, expected_size=2)
    def texts(record: ConsentRequest, scopes: Chosen = None) -> list[ConsentText]:
        """The text that the person agrees to, in each language. It is stored with the consent."""
        terms = AgreementTerms(
            partner=record.partner,
            scopes=_select_scopes(record, scopes),
            purpose=record.purpose,
            lasts=record.duration,
            is_about_child=record.is_about_child,
        )
        return list(build_consent_texts(record.subject, terms))


def _select_scopes(record: ConsentRequest, scopes: list[Scope] | None) -> tuple[Scope, ...]:
    return tuple(each for each in record.scopes if scopes is None or each in scopes)


def build_consent_request_key(
    record: Citizen,
    id: Annotated[strawberry.ID, strawberry.argument(description="Id of the request.")],  # noqa: A002 - the name in the graph
) -> PersonalConsentKey:
    """Builds the key of the request that the person opens."""
    return PersonalConsentKey(subject=record.nik, id=str(id))

"""A partner's request for consent, as the person who is to answer it sees it."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.policy.rules import Classification, Rule
from records.description import Doc
from records.hub.consents import ConsentRequest, ConsentText, PersonalConsentKey
from records.identifiers import Nik
from records.population import Citizen
from records.purposes import Scope
from records.record import record as as_record
from schema.declarations.access_directives import DataClass, SpecificKind
from schema.declarations.fields import derived
from schema.declarations.publishing import publishes
from schema.tools.consent_preview import build_preview_document, list_granted_fields
from schema.types.consents import ConsentTextType
from services.consents.consent_text import build_consent_texts


@as_record
class ConsentField:
    """One field that would go to the partner."""

    subject: Nik
    """The person."""
    classification: Classification
    field: Annotated[str, Doc("The field, by its place in this graph, such as `TaxObject.address`.")]
    scope: Annotated[Scope, Doc("The scope that opens it.")]
    description: Annotated[str, Doc("What the field means.")]


@publishes(ConsentField, rule=Rule.SELF, subject="subject", shows=("field", "scope", "description"))
class ConsentFieldType:
    """A field in the graph."""

    @derived(returns=DataClass | None)
    def class_(record: ConsentField) -> DataClass:
        """How sensitive it is."""
        return DataClass[record.classification.level]

    class_.graphql_name = "class"

    @derived(returns=SpecificKind | None)
    def kind(record: ConsentField) -> SpecificKind | None:
        """The kind of specific personal data, where it is specific."""
        kind = record.classification.kind
        return None if kind is None else SpecificKind[kind]


Chosen = Annotated[
    list[Scope] | None, strawberry.argument(description="Only of these scopes; all that were asked for without it.")
]


@publishes(
    ConsentRequest,
    rule=Rule.SELF,
    subject="subject",
    shows=("id", "client", "partner", "purpose", "scopes", "asked_at", "answer_by", "would_expire_at"),
    nested=(ConsentTextType,),
)
class ConsentRequestType:
    """A request in the graph."""

    id: strawberry.ID | None

    @derived(returns=list[ConsentFieldType] | None, expected_size=40)
    def fields(record: ConsentRequest, scopes: Chosen = None) -> list[ConsentField]:
        """Every field that would go to the partner, each once."""
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
        """A GraphQL operation that shows the person the very values that would go: run it as the person.

        Null where no value would go, as where the partner would only compare.
        """
        return build_preview_document(_select_scopes(record, scopes), record.purpose, record.readable_fields)

    @derived(returns=list[ConsentTextType] | None, expected_size=2)
    def texts(record: ConsentRequest, scopes: Chosen = None) -> list[ConsentText]:
        """What the person agrees to, in each language; it is kept with the consent."""
        return list(
            build_consent_texts(
                record.subject,
                partner=record.partner,
                scopes=_select_scopes(record, scopes),
                purpose=record.purpose,
                lasts=record.duration,
            )
        )


def _select_scopes(record: ConsentRequest, scopes: list[Scope] | None) -> tuple[Scope, ...]:
    return tuple(each for each in record.scopes if scopes is None or each in scopes)


def build_consent_request_key(
    record: Citizen,
    id: Annotated[strawberry.ID, strawberry.argument(description="The request's id.")],  # noqa: A002 - the name in the graph
) -> PersonalConsentKey:
    """The request that is opened."""
    return PersonalConsentKey(subject=record.nik, id=str(id))

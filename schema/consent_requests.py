"""A partner's request for consent, as the person who is to answer it sees it."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.rules import Classification, Rule
from records.consents import ConsentRequest, ConsentText, OfPerson
from records.description import Doc
from records.identifiers import Nik
from records.population import Citizen
from records.purposes import Scope
from records.record import record as as_record
from resolvers.consent_text import consent_texts
from schema.access import DataClass, SpecificKind
from schema.consent_preview import opened_by, preview_document
from schema.consents import ConsentTextType
from schema.fields import derived
from schema.publishing import publishes


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

    @derived(answers=DataClass | None)
    def class_(record: ConsentField) -> DataClass:
        """How sensitive it is."""
        return DataClass[record.classification.level]

    class_.graphql_name = "class"

    @derived(answers=SpecificKind | None)
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

    @derived(answers=list[ConsentFieldType] | None, about=40)
    def fields(record: ConsentRequest, scopes: Chosen = None) -> list[ConsentField]:
        """Every field that would go to the partner, each once."""
        return [
            ConsentField(
                subject=record.subject,
                classification=each.classification,
                field=each.coordinate,
                scope=each.scope,
                description=each.says,
            )
            for each in opened_by(_chosen(record, scopes), record.purpose, record.reads)
        ]

    @derived(answers=str | None)
    def preview_document(record: ConsentRequest, scopes: Chosen = None) -> str | None:
        """A GraphQL operation that shows the person the very values that would go: run it as the person.

        Null where no value would go, as where the partner would only compare.
        """
        return preview_document(_chosen(record, scopes), record.purpose, record.reads)

    @derived(answers=list[ConsentTextType] | None, about=2)
    def texts(record: ConsentRequest, scopes: Chosen = None) -> list[ConsentText]:
        """What the person agrees to, in each language; it is kept with the consent."""
        return list(
            consent_texts(
                record.subject,
                partner=record.partner,
                scopes=_chosen(record, scopes),
                purpose=record.purpose,
                lasts=record.lasts,
            )
        )


def _chosen(record: ConsentRequest, scopes: list[Scope] | None) -> tuple[Scope, ...]:
    return tuple(each for each in record.scopes if scopes is None or each in scopes)


def consent_request_of(
    record: Citizen,
    id: Annotated[strawberry.ID, strawberry.argument(description="The request's id.")],  # noqa: A002 - the name in the graph
) -> OfPerson:
    """The request that is opened."""
    return OfPerson(subject=record.nik, id=str(id))

"""The fields of the graph, the selection of each, and engines that read one type without the path to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type
from strawberry.schema.schema_converter import GraphQLCoreConverter

from auth.policy.rules import Rule
from engine.batch import batch
from engine.engine import Engine
from engine.run_request import RunReporting
from records.calls.answers import Answers
from resolvers.batch_context import HubBatchContext
from schema.declarations.fields import root
from tests.fakes.graph_records import RECORDS
from tests.fakes.small_records import BUDI, CONSENT, PRIVATE, REQUEST, SITI, build_case
from tests.schema.requests import IDS, build_engine

CHANGES = (
    "requestCorrection",
    "requestErasure",
    "requestAccessCopy",
    "objectToDecision",
    "restrictProcessing",
    "endRestriction",
    "withdrawDataRequest",
    "submitComplaint",
    "publishComplaint",
    "supportComplaint",
    "commentComplaint",
    "rateResolution",
    "withdrawComplaint",
    "markCasesSeen",
)
"""Fields of the mutation root."""
ROOTS = {"Query": "query", "Mutation": "mutation"}
"""The types of the roots, and the operations that begin there."""

REGION_ID = IDS.seal("Region", "31.71")
COMPLAINT_ID = IDS.seal("Complaint", PRIVATE)
CASE_ID = IDS.seal("Case", str(build_case().key))
ARGUMENTS = {
    "Query.citizen": f'(nik: "{SITI}")',
    "Query.citizens": f'(niks: ["{SITI}", "{BUDI}"])',
    "Query.accessEntriesOf": f'(nik: "{SITI}")',
    "Query.business": '(nib: "9120001234567")',
    "Query.verifyIdentity": f'(nik: "{SITI}", name: "Siti")',
    "Query.verifyNib": '(nibs: ["9120001234567"])',
    "Query.labels": '(types: ["Sex"])',
    "Query.region": '(code: "31.71")',
    "Query.payment": '(number: "P-1")',
    "Query.node": f'(id: "{REGION_ID}")',
    "Query.nodes": f'(ids: ["{REGION_ID}"])',
    "Query.complaintMeasures": '(month: "2026-10")',
    "Query.serviceMeasures": '(month: "2026-10")',
    "Query.consented": f'(consent: "{CONSENT}")',
    "Mutation.grantConsent": f'(request: "{REQUEST}", scopes: [TAX])',
    "Mutation.refuseConsent": f'(request: "{REQUEST}")',
    "Mutation.revokeConsent": f'(consent: "{CONSENT}")',
    "Mutation.submitComplaint": (
        '(complaint: {categoryCode: "C-1", description: "Lubang", address: "Jl. Melati"}, key: "6")'
    ),
    "Mutation.publishComplaint": f'(id: "{COMPLAINT_ID}", key: "7")',
    "Mutation.supportComplaint": f'(id: "{COMPLAINT_ID}", key: "8")',
    "Mutation.commentComplaint": f'(id: "{COMPLAINT_ID}", text: "Sudah?", key: "9")',
    "Mutation.rateResolution": f'(id: "{COMPLAINT_ID}", rating: 5, key: "10")',
    "Mutation.withdrawComplaint": f'(id: "{COMPLAINT_ID}", key: "11")',
    "Mutation.markCasesSeen": f'(ids: ["{CASE_ID}"])',
    "Citizen.consentRequest": f'(id: "{REQUEST}")',
    "Consenting.verify": '(name: "Siti")',
    "Consenting.verifyIdentity": '(name: "Siti")',
    "Commodity.trend": "(year: 2026, month: 11)",
    "Mutation.requestCorrection": '(field: "Residence.address", says: "RT", wanted: "RT 2", key: "1")',
    "Mutation.answerDataRequest": '(number: "HAK-2026-22222222", state: DONE)',
    "Mutation.requestErasure": '(says: "Hapus", key: "2")',
    "Mutation.requestAccessCopy": '(key: "3")',
    "Mutation.objectToDecision": '(says: "Mesin", key: "4")',
    "Mutation.restrictProcessing": '(key: "5")',
    "Mutation.endRestriction": '(number: "HAK-2026-22222222")',
    "Mutation.withdrawDataRequest": '(number: "HAK-2026-22222222")',
}


@dataclass(frozen=True)
class FieldPlace:
    """A field of a type."""

    type_name: str
    field: str

    def __str__(self) -> str:
        return f"{self.type_name}.{self.field}"

    @property
    def selected(self) -> str:
        leaf = is_leaf_type(get_named_type(types()[self.type_name].fields[self.field].type))
        return f"{self.field}{ARGUMENTS.get(str(self), '')}{'' if leaf else ' { __typename }'}"


@cache
def types() -> dict[str, GraphQLObjectType]:
    return {
        name: type_
        for name, type_ in build_engine().schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
    }


def list_fields() -> list[FieldPlace]:
    return [FieldPlace(name, field) for name, type_ in types().items() if name not in ROOTS for field in type_.fields]


def list_root_fields() -> list[FieldPlace]:
    return [FieldPlace(name, field) for name in ROOTS for field in types()[name].fields]


@cache
def build_engines(type_name: str) -> tuple[Engine, Engine]:
    """The published type with its own root, which returns any record that the context holds.

    It skips the rules on the path to it, because each field must hold by itself: another path may be added later.
    """

    @root(record_of, returns=str, rule=Rule.PUBLIC)
    def handed_out() -> str:
        return type_name

    it = GraphQLField(
        types()[type_name],
        resolve=lambda *_: RECORDS[type_name],
        extensions={GraphQLCoreConverter.DEFINITION_BACKREF: handed_out},
    )
    schema = GraphQLSchema(GraphQLObjectType("Root", {"it": it}))
    return Engine(schema, build_engine().rules, use_plans=False, reporting=RunReporting(track_reads=True)), Engine(
        schema, build_engine().rules, reporting=RunReporting(track_reads=True)
    )


@batch(domain=None)
async def record_of(type_names: Sequence[str], _context: HubBatchContext) -> Answers[str, Any]:
    """The same, for plans."""
    return {name: RECORDS[name] for name in type_names}

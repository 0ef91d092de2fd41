"""The crowd's requests, and the owners of the data at each place of their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

from auth.caller import Caller, CallerKind
from auth.crypto.node_ids import NodeIds
from records.identifiers import Nik
from tests.crowd.agencies import build_msme, build_tax_object, complaint_id, enterprise_id
from tests.crowd.people import CrowdPeople

SECRET = b"s" * 32
IDS = NodeIds(SECRET)
DataSubjects: TypeAlias = Nik | tuple[Nik, ...] | None


@dataclass(frozen=True, slots=True)
class CrowdQuestion:
    """An operation, its variables, and the owner of the data by name in the answer; None for public data."""

    text: str
    variables: Mapping[str, Any]
    subjects: Mapping[str, DataSubjects]

    @property
    def body(self) -> dict[str, Any]:
        """The request as sent."""
        return {"query": self.text, "variables": dict(self.variables)}


_OWN = (
    "{ me { nik name } }",
    "{ me { residence { address } parentage { motherName } } }",
    "{ me { name civilStatus { occupation } residence { address } } }",
    "{ me { household { members { nik name citizen { name } } } } }",
    "{ me { taxObjects { nop taxpayerName address bills { year payments { receipt } } } } }",
    "{ me { msmes { name address products { name } } } }",
    "{ me { complaints { description address events { note } } } }",
    "{ me { accessLog(first: 3) { edges { node { text } } } } }",
    "{ me { name taxObjects { taxpayerName } msmes { name } complaints { description } } }",
)
_ONE = (
    "query One($nik: NIK!) { citizen(nik: $nik) { nik name residence { address } } }",
    "query One($nik: NIK!) { citizen(nik: $nik) { name parentage { motherName } civilStatus { occupation } } }",
    "query One($nik: NIK!) { citizen(nik: $nik) { taxObjects { taxpayerName bills { payments { receipt } } } } }",
    "query One($nik: NIK!) { citizen(nik: $nik) { msmes { name products { name } } complaints { description } } }",
    "query One($nik: NIK!) { citizen(nik: $nik) { household { members { nik name } } } }",
)
_TWO = (
    "query Two($a: NIK!, $b: NIK!) { a: citizen(nik: $a) { name taxObjects { taxpayerName } }"
    " b: citizen(nik: $b) { name residence { address } taxObjects { address } } }"
)
_SEVERAL = (
    "query Several($niks: [NIK!]!) { citizens(niks: $niks) { nik name residence { address } } }",
    "query Several($niks: [NIK!]!) { citizens(niks: $niks) { taxObjects { taxpayerName } msmes { name } } }",
    "query Several($niks: [NIK!]!) { citizens(niks: $niks) { complaints { description } parentage { motherName } } }",
)
_CONSENTED = (
    "query By($id: ID!) { consented(consent: $id) { taxObjects { taxpayerName } msmes { name products { name } } } }",
    'query By($id: ID!) { consented(consent: $id) { verify(name: "Siti") { name } taxObjects { address } } }',
)
_NODE = (
    "... on Citizen { name } ... on TaxObject { taxpayerName }"
    " ... on Msme { name products { name } } ... on Complaint { description events { note } }"
)
_NODES = f"query Nodes($ids: [ID!]!) {{ nodes(ids: $ids) {{ {_NODE} }} }}"
_ONE_NODE = f"query Node($id: ID!) {{ node(id: $id) {{ {_NODE} }} }}"
_PUBLIC = (
    "{ complaints(first: 5) { edges { node { description events { note } } } } }",
    "{ complaintCategories { name } markets { name } }",
    "{ complaints(first: 10) { edges { node { description category { name } } } } }",
)


class CrowdQuestions:
    """Draws requests that a caller might send, with or without the right to."""

    def __init__(self, people: CrowdPeople, random: Random) -> None:
        """Requests are about all people, and about some more often."""
        self._people = people
        self._random = random
        self._known = random.sample(people.niks, 150)
        self._owner_of = {str(build_msme(nik).nib): nik for nik in people.adults}
        self._consents: dict[str | None, list[str]] = {}
        for each in people.consents.values():
            self._consents.setdefault(each.client, []).append(each.id)

    def draw(self, caller: Caller) -> CrowdQuestion:
        """A request of this caller."""
        kinds: Mapping[CallerKind, tuple[Callable[[Caller], CrowdQuestion], ...]] = {
            CallerKind.CITIZEN: (
                self.draw_own,
                self.draw_own,
                self.draw_own,
                self._draw_one,
                self._draw_two,
                self._draw_nodes,
                self._draw_public,
            ),
            CallerKind.OFFICIAL: (
                self._draw_one,
                self._draw_two,
                self._draw_several,
                self._draw_several,
                self._draw_nodes,
            ),
            CallerKind.AGENCY_SYSTEM: (self._draw_one, self._draw_several, self._draw_nodes),
            CallerKind.BUSINESS: (self._draw_nodes, self._draw_nodes, self._draw_public),
            CallerKind.PARTNER: (
                self._draw_consented,
                self._draw_consented,
                self._draw_consented,
                self._draw_one,
                self._draw_public,
            ),
        }
        others = (self._draw_public, self._draw_public, self.draw_own, self._draw_one, self._draw_nodes)
        return self._random.choice(kinds.get(caller.kind, others))(caller)

    def draw_own(self, caller: Caller) -> CrowdQuestion:
        """A request with the same document for all callers, which each gets answered differently."""
        return self.build_own(self._random.choice(_OWN), caller)

    def build_own(self, text: str, caller: Caller) -> CrowdQuestion:
        """The same with a given document."""
        person = caller.nik if caller.on_behalf_of is None else caller.on_behalf_of
        return CrowdQuestion(text, {}, {"me": person or ()})

    def _draw_person(self, caller: Caller) -> Nik:
        """The caller, a member of their family of now or before, or another person."""
        drawn = self._random.random()
        if caller.nib is not None and drawn < 0.5:
            return self._owner_of[caller.nib]
        if caller.nik is not None and drawn < 0.7:
            if drawn < 0.2:
                return caller.nik
            before = sorted(self._people.shared_cards.get(caller.nik, ()))
            return self._random.choice((*self._people.family_of[caller.nik].all_members, *before))
        return self._random.choice(self._known)

    def _draw_one(self, caller: Caller) -> CrowdQuestion:
        nik = self._draw_person(caller)
        return CrowdQuestion(self._random.choice(_ONE), {"nik": nik}, {"citizen": nik})

    def _draw_two(self, caller: Caller) -> CrowdQuestion:
        here, there = self._draw_person(caller), self._draw_person(caller)
        return CrowdQuestion(_TWO, {"a": here, "b": there}, {"a": here, "b": there})

    def _draw_several(self, _caller: Caller) -> CrowdQuestion:
        niks = tuple(self._random.choices(self._known, k=self._random.randint(1, 12)))
        return CrowdQuestion(self._random.choice(_SEVERAL), {"niks": list(niks)}, {"citizens": niks})

    def _draw_consented(self, caller: Caller) -> CrowdQuestion:
        id_ = self._random.choice(self._consents[caller.client])
        if self._random.random() < 0.2:  # another person's
            id_ = self._random.choice(list(self._people.consents))
        subject = self._people.consents[id_].subject
        return CrowdQuestion(self._random.choice(_CONSENTED), {"id": id_}, {"consented": subject})

    def _draw_nodes(self, caller: Caller) -> CrowdQuestion:
        owners = tuple(self._draw_person(caller) for _ in range(self._random.randint(1, 5)))
        if len(owners) == 1:
            return CrowdQuestion(_ONE_NODE, {"id": self._id(owners[0])}, {"node": owners[0]})
        return CrowdQuestion(_NODES, {"ids": [self._id(each) for each in owners]}, {"nodes": owners})

    def _id(self, nik: Nik) -> str:
        kinds = (
            ("Citizen", str(nik)),
            ("TaxObject", f"{nik}:{build_tax_object(nik).nop}"),
            ("Msme", f"{nik}:{enterprise_id(nik)}"),
            ("Complaint", complaint_id(nik, public=False)),
            ("Complaint", complaint_id(nik, public=True)),
        )
        return IDS.seal(*self._random.choice(kinds))

    def _draw_public(self, _caller: Caller) -> CrowdQuestion:
        text = self._random.choice(_PUBLIC)
        return CrowdQuestion(text, {}, {"complaints": None, "complaintCategories": None, "markets": None})

"""What callers ask while agencies fail, which agencies each question needs, and how an answer is held to the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.faults.truth import Truth
from tests.sandbox_agencies import ROOT

AGENCIES = ("dukcapil", "jakpreneur", "pbb", "crm", "pangan")
_FIRST = (ROOT / "docs" / "frontend" / "first.graphql").read_text(encoding="utf-8")
_PAGE = 5
_MARKETS = ("senen", "jembatan", "minggu", "kramat", "cempaka", "rawa", "palmerah", "grogol")
_OF_PEOPLE = "nik name taxObjects { nop } msmes { name } complaints { number }"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultQuestion:
    """A document, or a path where `document` is empty, its caller, and how often it is sent."""

    name: str
    document: str = ""
    path: str = "/graphql"
    agencies: frozenset[str]
    """Those without which the answer is not whole."""
    share: int
    """How often it is asked, beside the others."""
    caller: str
    """`citizen`, `official` or `anonymous`."""
    variables: Callable[[Random, list[str]], dict[str, Any]] = lambda _chance, _niks: {}
    people: int = 0
    """How many people an official asks about."""


def _nik_variables(_chance: Random, niks: list[str]) -> dict[str, Any]:
    return {"niks": niks}


def _market_variables(chance: Random, _niks: list[str]) -> dict[str, Any]:
    return {"search": chance.choice(_MARKETS)}


FIRST = FaultQuestion(
    name="the README's query", document=_FIRST, agencies=frozenset(AGENCIES), share=6, caller="citizen"
)
OF_ONE: Mapping[str, FaultQuestion] = {
    agency: FaultQuestion(
        name=f"{agency} alone",
        document=document,
        agencies=frozenset({agency}),
        share=4,
        caller=caller,
        variables=variables,
    )
    for agency, document, caller, variables in (
        ("dukcapil", "query Register { me { nik name } }", "citizen", lambda _chance, _niks: {}),
        ("jakpreneur", "query Businesses { me { nik msmes { name stage } } }", "citizen", lambda _chance, _niks: {}),
        ("pbb", "query Land { me { nik taxObjects { nop } } }", "citizen", lambda _chance, _niks: {}),
        ("crm", "query Complaints { me { nik complaints { number status } } }", "citizen", lambda _chance, _niks: {}),
        (
            "pangan",
            "query Prices($search: String!) { markets(search: $search, first: 1) { name prices { price } } }",
            "anonymous",
            _market_variables,
        ),
    )
}
"""For each agency the question that needs it alone."""
PUBLIC = FaultQuestion(
    name="public complaints",
    document=f"query Latest {{ complaints(first: {_PAGE}) {{ nodes {{ number status }} }} }}",
    agencies=frozenset({"crm"}),
    share=2,
    caller="anonymous",
)
OFFICIAL = FaultQuestion(
    name="an official about five people",
    document="query Five($niks: [NIK!]!) { citizens(niks: $niks) { nik name taxObjects { nop } msmes { name } } }",
    agencies=frozenset({"dukcapil", "jakpreneur", "pbb"}),
    share=2,
    caller="official",
    variables=_nik_variables,
    people=5,
)
NOTHING = FaultQuestion(
    name="what asks nobody",
    document='query Region { region(code: "31.71") { name } }',
    agencies=frozenset(),
    share=2,
    caller="anonymous",
)
LIVE = FaultQuestion(name="/health/live", path="/health/live", agencies=frozenset(), share=1, caller="anonymous")
QUESTIONS = (FIRST, *OF_ONE.values(), PUBLIC, OFFICIAL, NOTHING, LIVE)


def find_wrong_field(
    question: FaultQuestion, niks: list[str], data: Mapping[str, Any] | None, truth: Truth
) -> str | None:
    """The field of an answer that says what is not so, or that is of somebody else; None where all is true."""
    if data is None:
        return None
    if question.caller == "citizen" and data.get("me") is not None:
        return truth.find_wrong_field(niks[0], data["me"])
    if question is OFFICIAL:
        found = [each for each in data.get("citizens") or () if each is not None]
        if not {each["nik"] for each in found} <= set(niks):
            return "citizens"
        return next((wrong for each in found if (wrong := truth.find_wrong_field(each["nik"], each))), None)
    return None

"""Journeys as files: an operation, its caller, its answer, and the calls to each agency.

`cases/<name>.graphql` is the operation, `cases/<name>.json` the rest. `python -m tests.journeys.recorded_cases` runs
all again and writes the answers; read the difference before you keep it.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auth.tokens.development_issuer import DevelopmentIssuer
from sandbox.population.samples import SAMPLES
from tests.journeys.city_snapshots import load_city_snapshots
from tests.journeys.hub import OFFICIAL, HubClient, RunningCity, build_settings, running_hub, state_server
from tests.sandbox_agencies import run_agency

FOLDER = Path(__file__).with_name("cases")
CALLERS: Mapping[str, str | None] = {
    "citizen_of_five_agencies": "siti",
    "officials_see_several_citizens": OFFICIAL,
    "another_citizen_is_refused": "budi",
    "household_members_beyond_the_card": "budi",
    "anonymous_sees_public_data_only": None,
    "one_code_two_cities": None,
    "public_complaints_page_by_page": None,
    "a_price_through_the_month": None,
    "nobody_but_a_register_entry": "agus",
}
VARIABLES: Mapping[str, Mapping[str, Any]] = {
    "officials_see_several_citizens": {
        "niks": [SAMPLES["dewi"].nik, SAMPLES["siti"].nik, "3171014506909999", SAMPLES["budi"].nik, SAMPLES["dewi"].nik]
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCase:
    """One journey."""

    name: str
    operation: str
    caller: str | None
    variables: Mapping[str, Any]
    expected: Mapping[str, Any]


def cases() -> list[RecordedCase]:
    """Every journey, by name."""
    return [_case(path) for path in sorted(FOLDER.glob("*.graphql"))]


def _case(path: Path) -> RecordedCase:
    recorded = path.with_suffix(".json")
    return RecordedCase(
        name=path.stem,
        operation=path.read_text(encoding="utf-8"),
        caller=CALLERS[path.stem],
        variables=VARIABLES.get(path.stem, {}),
        expected=json.loads(recorded.read_text(encoding="utf-8")) if recorded.exists() else {},
    )


async def run_case(case: RecordedCase, hub: HubClient, city: RunningCity) -> dict[str, Any]:
    """What comes back, and what each agency was asked."""
    city.reset_calls()
    answer = await hub.ask(case.operation, case.variables, caller=case.caller)
    return {"answer": answer.body, "calls": city.calls()}


async def _record() -> None:
    with ExitStack() as stack, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = ("dukcapil", "jakpreneur", "pbb", "crm", "pangan")
        agencies = {each: stack.enter_context(run_agency(each, folder)) for each in names}
        city = RunningCity(agencies=agencies, snapshots=await load_city_snapshots(folder / "copied"))
        issuer = DevelopmentIssuer(folder / "issuer.json")
        url = stack.enter_context(state_server(folder / "state"))
        async with running_hub(build_settings(city, state_url=url, issuer=issuer, folder=folder), issuer) as hub:
            for case in cases():
                text = json.dumps(await run_case(case, hub, city), indent=2, ensure_ascii=False)
                (FOLDER / f"{case.name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(_record())

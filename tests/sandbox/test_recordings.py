import json

import pytest

from tests.sandbox.recordings import FOLDER, INDEX, RECORDINGS, to_index_entry
from tests.sandbox_agencies import RunningAgency


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_agency_still_gives_the_recorded_answers(
    name: str, pbb: RunningAgency, crm: RunningAgency, pangan: RunningAgency
) -> None:
    agency = {"pbb": pbb, "crm": crm, "pangan": pangan}[name.partition("_")[0]]
    index = json.loads((FOLDER / INDEX).read_text(encoding="utf-8"))

    answer = RECORDINGS[name](agency)

    assert to_index_entry(answer) == index[name]
    assert answer.body == (FOLDER / name).read_bytes()


def test_every_recorded_file_has_a_request() -> None:
    recorded = {path.name for path in FOLDER.glob("*") if path.name.startswith(("pbb_", "crm_", "pangan_"))}

    assert recorded == set(RECORDINGS)

"""The agencies of a city that the sandbox serves."""

from pathlib import Path

from sandbox.agency import AGENCIES
from sandbox.stand_ins.sources import list_served

LIVE = 'stage = "live"\n[wire]\ndriver = "http"\nurl = "x"\n'


def add(city: Path, code: str, manifest: str, *, has_samples: bool = True) -> None:
    (city / "agencies").mkdir(exist_ok=True)
    (city / "agencies" / f"{code}.toml").write_text(manifest)
    if has_samples:
        (city / "samples" / code).mkdir(parents=True)
        (city / "samples" / code / "x.json").write_text("{}")


def test_a_city_is_served_with_its_own_agencies_and_those_with_samples(tmp_path: Path) -> None:
    for code in ("pbb", "crm"):
        add(tmp_path, code, LIVE, has_samples=False)
    add(tmp_path, "parkir", LIVE)
    add(tmp_path, "kosong", LIVE, has_samples=False)
    add(tmp_path, "nanti", LIVE.replace("live", "draft"))
    add(tmp_path, "rusak", "[")
    assert list_served(tmp_path) == ("pbb", "crm", "parkir")


def test_the_city_of_the_repository_has_every_agency_of_the_sandbox() -> None:
    city = Path(__file__).parents[3] / "cities" / "jakarta"
    assert list_served(city)[: len(AGENCIES)] == AGENCIES

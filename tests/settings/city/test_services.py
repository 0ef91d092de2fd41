"""The file `services.toml` of a city."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from shutil import copytree

import pytest

from engine.agencies.agency_codes import ANY_AGENCIES
from records.city_services import ServiceAccess, ServiceAudience, ServiceChannel, ServiceTopic
from schema.builder import build_schema, get_graphql_schema
from schema.tools.catalogue_operations import find_faults, find_marks
from settings.city.folder import DEFAULT_CITY, load_city
from settings.city.problems import ManifestError

MINIMAL = """
[owners]
dinsos = {{ en = "Social agency", id = "Dinas Sosial" }}

[services.card]
name = {{ en = "Card", id = "Kartu" }}
summary = {{ en = "Gives a card.", id = "Memberi kartu." }}
topic = "assistance"
{more}
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return Path(copytree(DEFAULT_CITY, tmp_path / "city", ignore=lambda *_: ["samples"]))


def find_problems(city: Path, more: str) -> list[str]:
    (city / "services.toml").write_text(MINIMAL.format(more=more))
    try:
        load_city(city)
    except ManifestError as error:
        return [str(each).removeprefix(f"{city}/") for each in error.problems]
    return []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ('owner = "dinsos"', "services.toml:5: services.card.url: there is no way to it; write an operation or a url"),
        (
            'url = "https://a.example/"',
            "services.toml:5: services.card.owner: no owner is named; write an owner or an agency",
        ),
        ('url = "http://a.example/"\nowner = "dinsos"', "services.toml:9: services.card.url: "),
        (
            'url = "https://a.example/"\nowner = "dinas"',
            "services.toml:10: services.card.owner: there is no [owners] 'dinas'",
        ),
        (
            'url = "https://a.example/"\nowner = "dinsos"\naccessibility = ["ramp"]',
            "services.toml:11: services.card.accessibility: there is no [notes] 'ramp'; add it",
        ),
        ('url = "https://a.example/"\nowner = "dinsos"\nhours = "noon"', "services.toml:11: services.card.hours"),
        ('url = "https://a.example/"\nowner = "dinsos"\nphon = "1"', "services.toml:11: services.card.phon: "),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_fix(city: Path, more: str, problem: str) -> None:
    assert [each for each in find_problems(city, more) if each.startswith(problem)] != []


def test_office_hours_need_an_office(city: Path) -> None:
    file = city / "city.toml"
    text = file.read_text()
    office, levels = text.index("[office]"), text.index("[service_levels.complaints]")
    file.write_text(text[:office] + text[levels:].replace('time = "working"', ""))
    more = 'url = "https://a.example/"\nowner = "dinsos"\nhours = "office"'
    assert find_problems(city, more) == [
        "services.toml: services.card.hours: the city has no office hours; write the table [office]"
    ]


def test_the_access_follows_from_what_is_written(city: Path) -> None:
    written = {
        ServiceAccess.LINK: 'url = "https://a.example/"',
        ServiceAccess.HANDOVER: 'url = "https://a.example/"\nsign_in_url = "https://a.example/login"',
        ServiceAccess.IN_GRAPH: 'operation = "{ me { name } }"',
    }
    for access, more in written.items():
        assert find_problems(city, f'owner = "dinsos"\n{more}') == []
        assert load_city(city).services.services["card"].access is access


def test_a_city_without_the_file_has_no_services(city: Path) -> None:
    (city / "services.toml").unlink()
    assert load_city(city).services.services == {}


def test_jakarta_has_sixty_services_of_every_kind_in_both_languages() -> None:
    city = load_city(DEFAULT_CITY)
    services = city.services.services
    assert len(services) >= 60
    counted = Counter(each.access for each in services.values())
    assert min(counted[each] for each in ServiceAccess) >= 5
    assert {each.topic for each in services.values()} == set(ServiceTopic)
    assert {each for service in services.values() for each in service.channels} == set(ServiceChannel)
    assert {each for service in services.values() for each in service.audiences} == set(ServiceAudience)
    assert all(each.accessibility for each in services.values())
    assert {each.agency for each in services.values()} - {None} <= city.manifests.keys()


def test_the_graph_offers_each_operation_of_jakartas_services() -> None:
    schema = get_graphql_schema(build_schema(ANY_AGENCIES))
    operations = {code: each.operation for code, each in load_city(DEFAULT_CITY).services.services.items()}
    offered = [each for each in operations.values() if each is not None]
    assert [each for each in offered if find_faults(schema, each) or not find_marks(schema, each)] == []

"""The commands of a hub are those that its manifests offer; every problem names its file, its line and the fix."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from records.hub.commands import LookupClass
from settings.city.folder import DEFAULT_CITY, load_city
from settings.city.problems import ManifestError
from store.database import create_database_engine
from tests.fakes.city import VARIABLES, write_city
from tests.fakes.small_hub import build_settings
from wiring.agencies import build_connectors
from wiring.commands import CommandServices, build_command_services

COMMANDS = tomllib.loads((DEFAULT_CITY / "agencies" / "crm.toml").read_text(encoding="utf-8"))["commands"]


async def build(folder: Path, code: str = "crm", **changes: Any) -> CommandServices:  # noqa: ANN401 - keys of a manifest
    city = load_city(write_city(folder / "city", changes={code: changes}), VARIABLES)
    settings = build_settings((), issuer_keys=Path("none"), city=city)
    engine = create_database_engine("postgresql://nobody@127.0.0.1:9/none")
    connectors = build_connectors(settings, engine)
    try:
        return build_command_services(settings, engine, connectors, [])
    finally:
        await connectors.close()


async def test_the_city_offers_all_commands_about_complaints_with_a_reference(tmp_path: Path) -> None:
    services = await build(tmp_path)
    kinds = [each.kind for each in services.deliveries["crm"]._agency.commands.values()]
    assert {each.name: each.lookup for each in kinds} == dict.fromkeys(COMMANDS, LookupClass.REFERENCE)
    assert len(kinds) == 6
    assert services.desk.offers("crm", "publish_complaint")
    assert not services.desk.offers("crm", "pay_bill")


@pytest.mark.parametrize(
    ("command", "change", "problem"),
    [
        ("comment_complaint", {"form": {"reference": "{number}"}}, "the agency would not get 'text' of the command"),
        ("rate_resolution", {"path": "requests/{case_id}/{text}"}, "{text} would stay in logs"),
        ("support_complaint", {"path": "requests/1"}, "the agency would not get 'case_id' of the command"),
        ("withdraw_complaint", {"form": {"x": "{reason}"}}, "the agency cannot store a reference that it does not get"),
    ],
)
async def test_a_declaration_that_loses_or_reveals_something_does_not_start(
    tmp_path: Path, command: str, change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ManifestError) as refusal:
        await build(tmp_path, commands=COMMANDS | {command: COMMANDS[command] | change})
    assert "crm.toml:" in str(refusal.value)
    assert f"commands.{command}" in str(refusal.value)
    assert problem in str(refusal.value)


async def test_a_command_that_the_domain_does_not_have_is_named_with_those_that_it_has(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"commands\.pay_bill: the domain has no such command; it has comment_comp"):
        await build(tmp_path, commands={"pay_bill": {**COMMANDS["support_complaint"]}})
    with pytest.raises(ManifestError, match=r"commands\.submit_complaint: the domain has no such command; it has none"):
        await build(tmp_path / "other", "pbb", commands={"submit_complaint": {}})

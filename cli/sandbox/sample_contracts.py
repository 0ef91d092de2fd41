"""Publishes the contracts of the sample partners and systems when the city is first served.

`sandbox/contracts/` has a folder for each client: its contract, and a file for each operation, named after the id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cli.operations.commands import examine_entries
from cli.operations.contract_file import read_contract
from cli.operations.manifests import ManifestEntry
from cli.project_paths import ROOT
from cli.sandbox.issuers_file import SANDBOX_ISSUER
from settings import Settings
from wiring.operations import open_operation_registry

CONTRACTS_FOLDER = ROOT / "sandbox" / "contracts"
PUBLISHED_BY = "sandbox"
APPROVED_BY = "the sandbox city: a sample"


async def publish_sample_contracts(settings: Settings, warn: Callable[[str], None]) -> Sequence[str]:
    """Publish contracts of sample clients that have none yet; returns these clients. Misfits go to `warn`.

    An existing contract is left unchanged: it may have been edited, and operations may have been retired.
    """
    async with open_operation_registry(settings) as registry:
        known = {each.client.name for each in await registry.list_contracts() if each.client.issuer == SANDBOX_ISSUER}
        fresh = [
            folder for folder in sorted(CONTRACTS_FOLDER.iterdir()) if folder.is_dir() and folder.name not in known
        ]
        published = []
        for folder in fresh:
            contract = read_contract(folder / "contract.toml")
            found = examine_entries(contract, _read_entries(folder), APPROVED_BY, ())
            faults = [f"{each.operation.name}: {fault}" for each in found for fault in each.faults]
            if faults:
                warn(f"the sample contract of {contract.client} is not published: {faults[0]}")
                continue
            await registry.publish(contract, [each.operation for each in found], by=PUBLISHED_BY)
            published.append(contract.client)
    return published


def _read_entries(folder: Path) -> Sequence[ManifestEntry]:
    return [
        ManifestEntry(id=path.stem, name=path.stem, text=path.read_text(encoding="utf-8").rstrip("\n"))
        for path in sorted(folder.glob("*.graphql"))
    ]

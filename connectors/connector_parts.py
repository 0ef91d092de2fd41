"""What the connector of an agency is built from: its driver, its gate, its options, and resources of the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

from pydantic import ValidationError

from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import Driver
from connectors.declared.open311.complaints import ComplaintLinks
from connectors.declared.row_observation import RowObserver
from connectors.declared.snapshot.loader import SnapshotSource
from connectors.declared.snapshot.protection import CopyProtection
from connectors.declared.tables import ManifestTable, NotDeclarableError
from connectors.regions import UnknownDistricts
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.config_problems import describe_unknown_key, describe_wrong_value

D = TypeVar("D", bound=Driver)
O = TypeVar("O", bound=ManifestTable)  # noqa: E741 - options


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorParts:
    """What a manifest and the hub give the connector of one agency."""

    gate: Gate
    driver: Driver
    options: Mapping[str, Any]
    """The table `[options]` of the manifest."""
    unknown_districts: UnknownDistricts
    complaint_links: ComplaintLinks
    snapshot_folder: Path | None = None
    """Where the files of snapshots are."""
    copy_protection: CopyProtection | None = None
    """For snapshots of personal data."""
    observe_row: RowObserver | None = None

    def require_driver(self, kind: type[D]) -> D:
        """The driver, if it is of the kind. Raises `NotDeclarableError`."""
        if not isinstance(self.driver, kind):
            [word] = (word for word, each in DRIVER_FAMILIES.items() if each.driver is kind)
            raise NotDeclarableError("wire.driver", f'the connector needs driver = "{word}"')
        return self.driver

    def read_options(self, options: type[O]) -> O:
        """The options of the connector. Raises `NotDeclarableError` with the first that is wrong."""
        try:
            return options.model_validate(self.options)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(["options", *(str(each) for each in first["loc"])])
            if first["type"] == "extra_forbidden":
                problem = describe_unknown_key(str(first["loc"][-1]), "options", options.model_fields)
            else:
                problem = describe_wrong_value(first["type"], first.get("ctx", {}), first["msg"])
            raise NotDeclarableError(place, problem) from None

    def refuse_batches(self) -> None:
        """Raise `NotDeclarableError` if the terms limit the keys of a call, for an agency that takes one key a call."""
        if self.gate.terms.max_batch_size is not None:
            raise NotDeclarableError("terms.max_batch_size", "the agency takes one key per call; remove this line")


class Connector(Protocol):
    """A connector that answers the reads of one domain; the reads are those of the domain's protocol."""

    async def probe(self, call: Call) -> None:
        """Make the cheapest call that proves that the agency answers. Raises `AgencyFailure`."""


@runtime_checkable
class CopyingConnector(Protocol):
    """A connector that answers from copies of whole sources."""

    @property
    def snapshots(self) -> Sequence[SnapshotSource]:
        """The copies."""


def list_snapshots(connector: Connector) -> Sequence[SnapshotSource]:
    """The copies from which a connector answers."""
    return connector.snapshots if isinstance(connector, CopyingConnector) else ()


class PythonConnector(Connector, Protocol):
    """A connector that a manifest names as `connectors.module:Class`."""

    @classmethod
    def connect(cls, parts: ConnectorParts) -> Self:
        """Build the connector. Opens nothing. Raises `NotDeclarableError` for a manifest that does not suit it."""

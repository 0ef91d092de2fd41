"""The city folder: one manifest for each agency whose reads are declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from settings.city.manifest import ManifestError, ManifestFile

DEFAULT_CITY: Final = Path(__file__).parents[2] / "cities" / "jakarta"


@dataclass(frozen=True, slots=True)
class CityFolder:
    """The manifests of a city."""

    path: Path
    agencies: Mapping[str, ManifestFile]
    """By the code of the agency, which is the name of its file."""

    def __str__(self) -> str:
        """The path, as settings show it."""
        return str(self.path)


def load_city(path: Path) -> CityFolder:
    """Load every manifest of a city. Raises `ManifestError` with every problem."""
    files = sorted((path / "agencies").glob("*.toml"))
    if not files:
        raise ManifestError(f"{path}: the city folder has no agencies/*.toml")
    agencies: dict[str, ManifestFile] = {}
    problems: list[str] = []
    for file in files:
        try:
            agencies[file.stem] = ManifestFile.load(file)
        except ManifestError as error:
            problems.append(str(error))
    if problems:
        raise ManifestError("; ".join(problems))
    return CityFolder(path, agencies)

"""Air quality stations (ISPU, Permen LHK 14/2020)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import RegionCode
from records.record import record
from records.regions import Coordinates


class AirQuality(DescribedEnum):
    """The category of an air pollutant standard index (ISPU; Permen LHK 14/2020, article 5)."""

    GOOD = "baik", "Good (baik), 1 to 50."
    MODERATE = "sedang", "Moderate (sedang), 51 to 100."
    UNHEALTHY = "tidak sehat", "Unhealthy (tidak sehat), 101 to 200."
    VERY_UNHEALTHY = "sangat tidak sehat", "Very unhealthy (sangat tidak sehat), 201 to 300."
    HAZARDOUS = "berbahaya", "Hazardous (berbahaya), above 300."


@record
class AirStation:
    """An air quality station with its last index."""

    id: Annotated[str, Doc("Identifier at the agency.")]
    name: Annotated[str, Doc("Name of the station.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the region it lies in.")]
    index: Annotated[int | None, Doc("Highest index of all pollutants (ISPU).")]
    quality: Annotated[AirQuality | None, Doc("Category of the index.")]
    pm25: Annotated[int | None, Doc("Index of fine particles, PM2.5.")]
    pm10: Annotated[int | None, Doc("Index of particles, PM10.")]
    ozone: Annotated[int | None, Doc("Index of ozone.")]
    measured_at: Annotated[datetime | None, Doc("When it was measured.")]

"""Public information: notices of the city, and the list of documents that its offices must publish (UU 14/2008)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import RegionCode
from records.record import record


class NoticeKind(DescribedEnum):
    """The kind of a notice."""

    NEWS = "berita", "News (berita)."
    ANNOUNCEMENT = "pengumuman", "Announcement (pengumuman)."
    WARNING = "peringatan", "Warning, such as of floods (peringatan)."
    DISRUPTION = "gangguan", "Disruption of a service, such as a closed road (gangguan layanan)."
    EVENT = "acara", "Event (acara)."


class PublicationDuty(DescribedEnum):
    """How a document must be published (UU 14/2008, articles 9 to 11 and 17)."""

    PERIODIC = "berkala", "Published regularly, at least twice a year (article 9)."
    IMMEDIATE = "serta merta", "Published without delay, because lives or public order depend on it (article 10)."
    AT_ALL_TIMES = "setiap saat", "Given to everybody who requests it (article 11)."
    EXEMPT = "dikecualikan", "Not published, after a test of the consequences (article 17)."


@record
class Notice:
    """A notice of the city."""

    id: Annotated[str, Doc("Identifier at the agency.")]
    title: Annotated[str, Doc("Title of the notice.")]
    kind: Annotated[NoticeKind | None, Doc("Kind of notice.")]
    text: Annotated[str | None, Doc("What it says, as plain text.")]
    publisher: Annotated[str | None, Doc("Office that publishes it.")]
    url: Annotated[str | None, Doc("Web address of the whole notice.")]
    image_url: Annotated[str | None, Doc("Web address of its image.")]
    image_description: Annotated[str | None, Doc("Description of the image for people who do not see it.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the region it is about.")]
    published_at: Annotated[datetime | None, Doc("When it was published.")]
    ends_at: Annotated[datetime | None, Doc("When it no longer applies; null if it says no end.")]


@record
class NoticeQuery:
    """The newest notices by text and region; of a region, those inside it too."""

    search: str = ""
    region_code: RegionCode | None = None
    first: int = 20


@record
class PublicDocument:
    """A document in the list of public information (Daftar Informasi Publik, PPID)."""

    id: Annotated[str, Doc("Number in the list.")]
    title: Annotated[str, Doc("Title of the document.")]
    summary: Annotated[str | None, Doc("What it holds.")]
    duty: Annotated[PublicationDuty | None, Doc("How it must be published.")]
    office: Annotated[str | None, Doc("Office that holds it.")]
    year: Annotated[int | None, Doc("Year in which it was made.")]
    formats: Annotated[tuple[str, ...], Doc("Its forms, such as `softcopy`, in the agency's words.")]
    url: Annotated[str | None, Doc("Web address of the document.")]


@record
class PublicDocumentQuery:
    """A page of the list of public information, ordered by number."""

    search: str = ""
    duty: PublicationDuty | None = None
    first: int = 20
    after: str | None = None

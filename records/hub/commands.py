"""Commands: writes to agencies, stored before they are acknowledged, and delivered exactly once or visibly parked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from records.command_state import CommandState
from records.description import DECIDES_ACCESS, Doc
from records.identifiers import Nik, RegionCode
from records.languages import Language, TranslatedEnum
from records.record import record
from records.uploads import CommandFile, PhotoUpload


class LookupClass(StrEnum):
    """How the hub can find out whether a command that may have arrived did arrive."""

    REFERENCE = "reference"
    """The agency stores the hub's reference."""
    SEARCH = "search"
    """The agency's records can be searched by attributes of the command."""
    NONE = "none"
    """There is no way: what may have arrived is parked, and never sent again."""


COMMAND_NUMBER_LENGTH: Final = 16
"""Length of a command's number, such as `TT-26-ABCDEFGHJK`."""


@record
class CommandStep:
    """One step of a command."""

    at: Annotated[datetime, Doc("When it happened.")]
    state: Annotated[CommandState, Doc("State of the command after the step.")]
    by: str | None = None
    """The person of the city who took the step; None for the hub."""
    detail: str | None = None
    """For operators: a failure's code or a person's reason. Nothing personal."""


@record
class CommandKind:
    """What all commands of one kind share, as the agency's manifest declares it."""

    name: str
    """Name of the command, such as `submit_complaint`."""
    version: int
    """Version of the payload's form. A hub leaves versions alone that it does not know."""
    agency: str
    lookup: LookupClass


@record
class NewCommand:
    """A command to accept."""

    subject: Nik
    """The person whose command it is."""
    key: str
    """The idempotency key of the person's app."""
    name: str
    """Name of the command."""
    payload: Any
    """A record, which can be hashed."""
    case: str | None = None
    """The matter that it is about: the number of the command that made it, or the agency's identifier. None for a new
    matter."""
    region: RegionCode | None = None
    """The place that it is about, to choose among several agencies."""
    agency: str | None = None
    """Code of the agency that the matter belongs to, if it is known."""
    uploads: tuple[PhotoUpload, ...] = ()
    """Photos to check before it is accepted."""
    files: tuple[CommandFile, ...] = ()
    """Checked files, in the order in which the payload names them."""


@record
class CommandReceipt:
    """The receipt of a command. It is valid whatever the state of the agency is."""

    subject: Annotated[Nik, Doc("The person whose command it is."), DECIDES_ACCESS]
    number: Annotated[str, Doc("Receipt number, such as `TT-26-ABCDEFGHJK`.")]
    kind: Annotated[str, Doc("Name of the command.")]
    agency: Annotated[str, Doc("Code of the agency that it goes to.")]
    state: Annotated[CommandState, Doc("State on its way to the agency.")]
    accepted_at: Annotated[datetime, Doc("When it was stored.")]
    closed_at: Annotated[datetime | None, Doc("When its outcome was certain; null while it is open.")]
    problem: Annotated[str | None, Doc("Code of the reason why it is not done; null if there is none.")]
    problem_field: Annotated[
        str | None, Doc("The argument that the agency refused, such as `answers.UKURAN`; null if it names none.")
    ] = None
    waits_for: Annotated[str | None, Doc("Number of an earlier command of the same matter that must be done first.")]
    steps: Annotated[tuple[CommandStep, ...], Doc("All steps so far, oldest first.")]
    agency_id: str | None = None
    """The agency's identifier of what it made."""
    payload: Any = None
    """What the person wrote; None after its retention."""
    case: str = ""
    """The matter that it is about; the number itself for a new one."""


@record
class SubmittedCommand:
    """A command that made a new matter, or changes one, as the lists of its agency need it."""

    subject: Nik
    number: str
    agency: str
    case: str
    """The number itself for a new matter."""
    state: CommandState
    accepted_at: datetime
    closed_at: datetime | None
    agency_id: str | None
    """The agency's identifier of what it made."""
    payload: Any
    """What the person wrote; None after its retention."""


class CommandProblemCode(TranslatedEnum):
    """Why a command was not accepted. Nothing was stored or sent."""

    INVALID_TEXT = (
        "INVALID_TEXT",
        "The text is empty, too long, or has characters that cannot be stored. Change it.",
        "Teks kosong, terlalu panjang, atau berisi karakter yang tidak bisa disimpan. Ubah teksnya.",
    )
    TOO_MANY_VALUES = (
        "TOO_MANY_VALUES",
        "There are too many values. Leave some out.",
        "Isiannya terlalu banyak. Kurangi.",
    )
    PLACE_REQUIRED = (
        "PLACE_REQUIRED",
        "No place is given. Give a point, a region or an address.",
        "Lokasi belum diisi. Isi titik di peta, kelurahan, atau alamat.",
    )
    UNKNOWN_PLACE = (
        "UNKNOWN_PLACE",
        "There is no such place in the city. Name another one.",
        "Tidak ada lokasi seperti itu di kota ini. Pilih lokasi lain.",
    )
    PLACES_DIFFER = (
        "PLACES_DIFFER",
        "The point is not in the region that is given. Correct one of them, or leave it out.",
        "Titik ini tidak berada di wilayah yang diisi. Perbaiki salah satunya, atau kosongkan.",
    )
    UNKNOWN_CATEGORY = (
        "UNKNOWN_CATEGORY",
        "There is no such category. Name one of `complaintCategories`.",
        "Tidak ada kategori seperti itu. Pilih salah satu kategori yang tersedia.",
    )
    ANSWER_REQUIRED = (
        "ANSWER_REQUIRED",
        "This question must be answered. Add the answer; the category lists its `questions`.",
        "Pertanyaan ini wajib dijawab. Isi jawabannya.",
    )
    UNKNOWN_QUESTION = (
        "UNKNOWN_QUESTION",
        "The category asks no such question. Leave the answer out, or take a code of its `questions`.",
        "Kategori ini tidak punya pertanyaan seperti itu. Hapus jawabannya.",
    )
    UNKNOWN_CHOICE = (
        "UNKNOWN_CHOICE",
        "The value is not among the choices. Give the `key` of one of the question's `choices`.",
        "Jawaban ini tidak ada di daftar pilihan. Pilih salah satu yang tersedia.",
    )
    INVALID_NUMBER = (
        "INVALID_NUMBER",
        "The value is not a number. Write digits, with a point before decimals, such as 12.5.",
        "Jawaban ini bukan angka. Tulis angka saja, dengan titik untuk desimal, misalnya 12.5.",
    )
    INVALID_MOMENT = (
        "INVALID_MOMENT",
        "The value is not a date or time. Write it like 2026-11-29 or 2026-11-29T08:30:00+07:00.",
        "Jawaban ini bukan tanggal atau waktu. Tulis seperti 2026-11-29 atau 2026-11-29T08:30:00+07:00.",
    )
    NO_AGENCY = (
        "NO_AGENCY",
        "No agency takes it for this place. Name another place in the city.",
        "Tidak ada instansi yang menerimanya untuk lokasi ini. Pilih lokasi lain di kota ini.",
    )
    NOT_OFFERED = (
        "NOT_OFFERED",
        "The agency does not offer this. Contact it in another way.",
        "Instansi ini tidak menyediakannya. Hubungi instansi dengan cara lain.",
    )
    UNKNOWN_COMPLAINT = (
        "UNKNOWN_COMPLAINT",
        "There is no such complaint that you may do this with. Name another one.",
        "Tidak ada laporan seperti itu yang boleh Anda tindak lanjuti. Pilih laporan lain.",
    )
    OWN_COMPLAINT = (
        "OWN_COMPLAINT",
        "It is your own complaint. Support complaints of other people.",
        "Ini laporan Anda sendiri. Dukunglah laporan orang lain.",
    )
    ALREADY_DONE = (
        "ALREADY_DONE",
        "This is done already, or on its way. Read the complaint again.",
        "Ini sudah dilakukan atau sedang dikirim. Lihat kembali laporannya.",
    )
    CHILD_NOT_PUBLIC = (
        "CHILD_NOT_PUBLIC",
        "What a person under 18 writes is not shown to everybody. The complaint stays private and is handled.",
        "Tulisan anak di bawah 18 tahun tidak ditampilkan kepada umum. Laporan tetap tertutup dan tetap ditangani.",
    )
    NOT_RESOLVED = (
        "NOT_RESOLVED",
        "The complaint is not resolved. Rate it when it is.",
        "Laporan belum selesai. Beri nilai setelah selesai.",
    )
    NOT_OPEN = (
        "NOT_OPEN",
        "The complaint is closed, so it cannot be withdrawn. Submit a new one if something is wrong.",
        "Laporan sudah ditutup sehingga tidak bisa dicabut. Buat laporan baru jika ada masalah.",
    )
    INVALID_RATING = (
        "INVALID_RATING",
        "The rating is not from 1 to 5. Change it.",
        "Nilai harus dari 1 sampai 5. Ubah nilainya.",
    )
    CONFIRMATION_INVALID = (
        "CONFIRMATION_INVALID",
        "The confirmation has expired, or is for another person or other content. Read again what everybody will see.",
        "Konfirmasi sudah kedaluwarsa, atau untuk orang atau isi lain. Baca lagi apa yang akan dilihat semua orang.",
    )
    KEY_REUSED = (
        "KEY_REUSED",
        "The key was used for another command. Use a new key.",
        "Kunci ini sudah dipakai untuk kiriman lain. Pakai kunci baru.",
    )
    UNSUPPORTED_FILE = (
        "UNSUPPORTED_FILE",
        "The file is not a still photo in JPEG, PNG or WebP, whatever its name says. Send one of these.",
        "Berkas ini bukan foto diam JPEG, PNG, atau WebP, apa pun namanya. Kirim salah satunya.",
    )
    UNREADABLE_FILE = (
        "UNREADABLE_FILE",
        "The photo is damaged or incomplete. Send it again, or another one.",
        "Foto rusak atau tidak lengkap. Kirim lagi, atau pilih foto lain.",
    )
    FILE_TOO_LARGE = (
        "FILE_TOO_LARGE",
        "The photo has over 12 MB or 50 million pixels, or all photos have over 40 MB. Send a smaller one.",
        "Foto lebih dari 12 MB atau 50 juta piksel, atau semua foto lebih dari 40 MB. Kirim yang lebih kecil.",
    )
    FILES_REFUSED = (
        "FILES_REFUSED",
        "The agency of this place takes no photos. Send it without them.",
        "Instansi di lokasi ini tidak menerima foto. Kirim tanpa foto.",
    )
    STORE_FULL = (
        "STORE_FULL",
        "The hub can store no more photos now. Send it without them, or try again later.",
        "Foto belum bisa disimpan saat ini. Kirim tanpa foto, atau coba lagi nanti.",
    )
    TOO_MANY = (
        "TOO_MANY",
        "The person has sent too many commands today. Try again tomorrow.",
        "Kiriman hari ini sudah terlalu banyak. Coba lagi besok.",
    )


_FIELD_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "description": ("Description", "Keterangan"),
    "categoryCode": ("Category", "Kategori"),
    "address": ("Address", "Alamat"),
    "point": ("Point on the map", "Titik di peta"),
    "region": ("Kelurahan", "Kelurahan"),
    "answers": ("Answer", "Jawaban"),
    "photos": ("Photo", "Foto"),
    "key": ("Key", "Kunci"),
    "id": ("Complaint", "Laporan"),
    "text": ("Text", "Teks"),
    "rating": ("Rating", "Nilai"),
    "reason": ("Reason", "Alasan"),
    "confirmation": ("Confirmation", "Konfirmasi"),
}
"""Names of arguments for people, in English and Indonesian. Others are shown as they are written in the graph."""


@record
class CommandProblem:
    """Why a command was not accepted. Nothing was stored or sent."""

    code: Annotated[CommandProblemCode, Doc("The reason.")]
    field: Annotated[
        str | None, Doc("The argument that is wrong, such as `answers.UKURAN`; null if no argument is wrong.")
    ] = None

    def get_message(self, language: Language) -> str:
        """What is wrong, and the fix: `Kategori: Tidak ada ...`."""
        text = self.code.get_text(language)
        if self.field is None:
            return text
        name, dot, part = self.field.partition(".")
        if name == "photos" and dot:  # people count from one
            part = str(int(part.partition(".")[0]) + 1)
        english, indonesian = _FIELD_NAMES.get(name, (name, name))
        return f"{indonesian if language is Language.INDONESIAN else english}{dot and ' '}{part}: {text}"

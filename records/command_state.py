"""The states of a command on its way to an agency."""

from __future__ import annotations

from records.languages import TranslatedEnum


class CommandState(TranslatedEnum):
    """The state of a command on its way to an agency."""

    ACCEPTED = "accepted", "Stored, and not sent yet.", "Sudah tersimpan, belum dikirim."
    SENDING = "sending", "Being sent to the agency.", "Sedang dikirim ke instansi."
    RETRY_WAIT = (
        "retry-wait",
        "The agency certainly did not act. It is sent again later.",
        "Instansi pasti belum menerimanya. Akan dikirim lagi.",
    )
    UNKNOWN = (
        "unknown",
        "It may have arrived. The hub looks it up at the agency before anything else.",
        "Mungkin sudah sampai. Kami memeriksanya di instansi terlebih dahulu.",
    )
    RECONCILING = "reconciling", "Being looked up at the agency.", "Sedang diperiksa di instansi."
    PARKED = (
        "parked",
        "It waits for a person of the city: the hub cannot know whether it arrived.",
        "Menunggu petugas: kami tidak bisa memastikan apakah sudah sampai.",
    )
    DONE = "done", "The agency carried it out.", "Sudah diterima oleh instansi."
    REJECTED = "rejected", "The agency refused it. Nothing was done.", "Ditolak oleh instansi. Tidak ada yang diproses."

    @property
    def is_open(self) -> bool:
        """Whether the outcome is not certain yet."""
        return self not in {CommandState.DONE, CommandState.REJECTED}

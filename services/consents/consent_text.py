"""The consent text that a person agrees to, in plain words (UU PDP 27/2022, articles 21 and 22).

Increase `VERSION` with every change of the wording: each consent stores the text that was agreed to, and its version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from records.hub.consents import ConsentText
from records.identifiers import Nik
from records.languages import Language
from records.purposes import Purpose, Scope

VERSION = "4"

_SCOPE_WORDS: Mapping[Language, Mapping[Scope, str]] = {
    Language.INDONESIAN: {
        Scope.TAX: "tanah dan bangunan yang saya bayar pajaknya (PBB), tagihan dan pembayarannya",
        Scope.MSMES: "usaha kecil saya dan apa yang dijualnya",
        Scope.EDUCATION: "sekolah, kelas, dan bantuan KJP Plus saya",
        Scope.IMMUNIZATIONS: "vaksinasi saya",
        Scope.COVERAGE: "kepesertaan saya di jaminan kesehatan nasional (BPJS Kesehatan)",
        Scope.IDENTITY: "apakah data diri yang sudah diketahui {partner} sesuai dengan data kependudukan saya;"
        " data kependudukan itu sendiri tidak diberikan",
    },
    Language.ENGLISH: {
        Scope.TAX: "land and buildings on which I pay property tax (PBB), with bills and payments",
        Scope.MSMES: "my small businesses and what they sell",
        Scope.EDUCATION: "my school, my class, and my support from KJP Plus",
        Scope.IMMUNIZATIONS: "my vaccinations",
        Scope.COVERAGE: "my national health insurance (BPJS Kesehatan)",
        Scope.IDENTITY: "whether what {partner} already knows about me agrees with my entry in the population"
        " register; the entry itself is not disclosed",
    },
}
_CHILD_SCOPE_WORDS: Mapping[Language, Mapping[Scope, str]] = {
    Language.INDONESIAN: {
        Scope.TAX: "tanah dan bangunan anak saya yang dikenai pajak (PBB), tagihan dan pembayarannya",
        Scope.MSMES: "usaha kecil anak saya dan apa yang dijualnya",
        Scope.EDUCATION: "sekolah, kelas, dan bantuan KJP Plus anak saya",
        Scope.IMMUNIZATIONS: "vaksinasi anak saya",
        Scope.COVERAGE: "kepesertaan anak saya di jaminan kesehatan nasional (BPJS Kesehatan)",
        Scope.IDENTITY: "apakah data diri anak saya yang sudah diketahui {partner} sesuai dengan data kependudukan;"
        " data kependudukan itu sendiri tidak diberikan",
    },
    Language.ENGLISH: {
        Scope.TAX: "land and buildings on which my child pays property tax (PBB), with bills and payments",
        Scope.MSMES: "my child's small businesses and what they sell",
        Scope.EDUCATION: "my child's school, class, and support from KJP Plus",
        Scope.IMMUNIZATIONS: "my child's vaccinations",
        Scope.COVERAGE: "my child's national health insurance (BPJS Kesehatan)",
        Scope.IDENTITY: "whether what {partner} already knows about my child agrees with the population register; the"
        " entry itself is not disclosed",
    },
}
"""The same about a child, in the words of the guardian."""
_PURPOSE_WORDS: Mapping[Language, Mapping[Purpose, str]] = {
    Language.INDONESIAN: {
        Purpose.IDENTITY_VERIFICATION: "memastikan siapa saya",
        Purpose.CREDIT_ASSESSMENT: "memutuskan tentang kredit yang saya ajukan",
        Purpose.HEALTHCARE: "merawat kesehatan saya",
        Purpose.PAYMENT: "menerima pembayaran yang harus saya bayar kepada kota",
        Purpose.EDUCATION: "menerima dan mendampingi siswa",
    },
    Language.ENGLISH: {
        Purpose.IDENTITY_VERIFICATION: "verifying my identity",
        Purpose.CREDIT_ASSESSMENT: "deciding on a loan that I applied for",
        Purpose.HEALTHCARE: "caring for my health",
        Purpose.PAYMENT: "collecting a payment that I owe the city",
        Purpose.EDUCATION: "enrolling and supporting pupils",
    },
}
_TEMPLATES: Mapping[Language, str] = {
    Language.INDONESIAN: (
        "Saya setuju bahwa kota memberikan kepada {partner}: {what}. Tujuannya: {why}. Persetujuan ini berlaku {days}"
        " hari sejak saya menyetujuinya. Saya boleh menolak. Saya boleh menariknya kembali kapan saja, di tempat yang"
        " sama; sejak saat itu {partner} tidak dapat membaca apa pun lagi. Setiap pembacaan tercatat, dan saya dapat"
        " melihatnya."
    ),
    Language.ENGLISH: (
        "I agree that the city gives {partner}: {what}. The purpose: {why}. This consent is valid for {days} days"
        " from the moment I give it. I may refuse, and I may revoke it at any time, where I gave it; from then on"
        " {partner} can read nothing more. Every read is recorded, and I can see the record."
    ),
}


_CHILD_TEMPLATES: Mapping[Language, str] = {
    Language.INDONESIAN: (
        "Sebagai orang tua atau wali, saya setuju bahwa kota memberikan kepada {partner} tentang anak saya: {what}."
        " Tujuannya: {why}. Persetujuan ini berlaku {days} hari sejak saya menyetujuinya, paling lama sampai anak saya"
        " berumur 18 tahun. Saya boleh menolak. Saya, atau orang tua lain dalam kartu keluarga, boleh menariknya"
        " kembali kapan saja, di tempat yang sama; sejak saat itu {partner} tidak dapat membaca apa pun lagi. Setiap"
        " pembacaan tercatat."
    ),
    Language.ENGLISH: (
        "As a parent or guardian, I agree that the city gives {partner} about my child: {what}. The purpose: {why}."
        " This consent is valid for {days} days from the moment I give it, and at most until my child is 18. I may"
        " refuse. I, or the other parent on the family card, may revoke it at any time, where I gave it; from then on"
        " {partner} can read nothing more. Every read is recorded."
    ),
}
"""For a child, by the guardian (UU PDP 27/2022, article 25)."""
_CHOSEN_TEMPLATES: Mapping[Language, str] = {
    Language.INDONESIAN: " Dari itu yang saya centang: {what}.",
    Language.ENGLISH: " Of these I ticked: {what}.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementTerms:
    """What a person agrees to."""

    partner: str
    scopes: Iterable[Scope]
    purpose: Purpose
    lasts: timedelta
    is_about_child: bool = False
    """Whether the person agrees as the guardian of a child."""


def build_consent_texts(
    subject: Nik, terms: AgreementTerms, *, chosen: Iterable[Scope] | None = None
) -> tuple[ConsentText, ...]:
    """The consent text in each language; deterministic.

    The stored proof ends with the scopes that the person has `chosen`; the text before that is the text that was shown.
    """
    is_of_child, partner = terms.is_about_child, terms.partner
    templates, scope_words = (_CHILD_TEMPLATES, _CHILD_SCOPE_WORDS) if is_of_child else (_TEMPLATES, _SCOPE_WORDS)
    return tuple(
        ConsentText(
            subject=subject,
            language=language,
            version=VERSION,
            text=templates[language].format(
                partner=partner,
                what=_describe_scopes(scope_words[language], partner, terms.scopes),
                why=_PURPOSE_WORDS[language].get(terms.purpose, terms.purpose.description.removesuffix(".")),
                days=terms.lasts.days,
            )
            + (
                ""
                if chosen is None
                else _CHOSEN_TEMPLATES[language].format(what=_describe_scopes(scope_words[language], partner, chosen))
            ),
        )
        for language in Language
    )


def _describe_scopes(words: Mapping[Scope, str], partner: str, scopes: Iterable[Scope]) -> str:
    chosen = sorted(set(scopes), key=list(Scope).index)
    return "; ".join(words[scope].format(partner=partner) for scope in chosen)


def hash_texts(texts: Sequence[ConsentText]) -> bytes:
    """SHA-256 over all languages; each text is preceded by a line with its version and language."""
    content = "\n".join(f"{each.version} {each.language.value}\n{each.text}" for each in texts)
    return sha256(content.encode()).digest()

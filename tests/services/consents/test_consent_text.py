"""The consent text is in plain words and stored unchanged."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

import pytest

from records.identifiers import Nik
from records.languages import Language
from records.purposes import Purpose, Scope
from services.consents.consent_text import VERSION, AgreementTerms, build_consent_texts, hash_texts

SITI = Nik("3171014506900001")
MONTH = timedelta(days=30)


def terms(
    scopes: Iterable[Scope],
    *,
    partner: str = "B",
    purpose: Purpose = Purpose.CREDIT_ASSESSMENT,
    is_about_child: bool = False,
) -> AgreementTerms:
    return AgreementTerms(partner=partner, scopes=scopes, purpose=purpose, lasts=MONTH, is_about_child=is_about_child)


def texts(
    *scopes: Scope,
    partner: str = "Bank Betawi",
    purpose: Purpose = Purpose.CREDIT_ASSESSMENT,
    is_about_child: bool = False,
) -> dict[Language, str]:
    made = build_consent_texts(SITI, terms(scopes, partner=partner, purpose=purpose, is_about_child=is_about_child))
    assert {each.version for each in made} == {VERSION}
    return {each.language: each.text for each in made}


def test_the_text_names_partner_data_purpose_duration_and_revocation() -> None:
    assert texts(Scope.TAX) == {
        Language.INDONESIAN: (
            "Saya setuju bahwa kota memberikan kepada Bank Betawi: tanah dan bangunan yang saya bayar pajaknya (PBB),"
            " tagihan dan pembayarannya. Tujuannya: memutuskan tentang kredit yang saya ajukan. Persetujuan ini berlaku"
            " 30 hari sejak saya menyetujuinya. Saya boleh menolak. Saya boleh menariknya kembali kapan saja, di tempat"
            " yang sama; sejak saat itu Bank Betawi tidak dapat membaca apa pun lagi. Setiap pembacaan tercatat, dan"
            " saya dapat melihatnya."
        ),
        Language.ENGLISH: (
            "I agree that the city gives Bank Betawi: land and buildings on which I pay property tax (PBB), with bills"
            " and payments. The purpose: deciding on a loan that I applied for. This consent is valid for 30"
            " days from the moment I give it. I may refuse, and I may revoke it at any time, where I gave it; from"
            " then on Bank Betawi can read nothing more. Every read is recorded, and I can see the record."
        ),
    }


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("scope", Scope)
def test_every_scope_has_its_words_in_every_language(language: Language, scope: Scope) -> None:
    alone = texts(scope)[language]
    assert "Bank Betawi" in alone
    assert "{" not in alone
    others = [texts(other)[language] for other in Scope if other is not scope]
    assert alone not in others


def test_a_guardian_agrees_about_a_child() -> None:
    said = texts(Scope.EDUCATION, purpose=Purpose.EDUCATION, is_about_child=True)
    assert said[Language.INDONESIAN].startswith(
        "Sebagai orang tua atau wali, saya setuju bahwa kota memberikan kepada Bank Betawi tentang anak saya: sekolah,"
        " kelas, dan bantuan KJP Plus anak saya. Tujuannya: menerima dan mendampingi siswa."
    )
    assert "at most until my child is 18" in said[Language.ENGLISH]
    own = [texts(scope, is_about_child=False)[Language.ENGLISH] for scope in Scope]
    assert all(texts(scope, is_about_child=True)[Language.ENGLISH] not in own for scope in Scope)


def test_the_text_for_verification_states_that_no_register_data_is_given() -> None:
    said = texts(Scope.IDENTITY)
    assert "data kependudukan itu sendiri tidak diberikan" in said[Language.INDONESIAN]
    assert "the entry itself is not disclosed" in said[Language.ENGLISH]


def test_the_stored_text_begins_with_the_shown_text_and_ends_with_the_ticked_scopes() -> None:
    both = (Scope.TAX, Scope.MSMES)
    made = partial(build_consent_texts, SITI, terms(both))
    for shown, kept in zip(made(), made(chosen=[Scope.MSMES]), strict=True):
        added = kept.text.removeprefix(shown.text)
        assert added in {
            " Dari itu yang saya centang: usaha kecil saya dan apa yang dijualnya.",
            " Of these I ticked: my small businesses and what they sell.",
        }


def test_a_partner_name_is_inserted_as_plain_text() -> None:
    assert "{what} & <b>" in texts(Scope.TAX, partner="{what} & <b>")[Language.ENGLISH]


def test_the_hash_covers_the_agreed_text() -> None:
    def hashed(*scopes: Scope) -> bytes:
        return hash_texts(build_consent_texts(SITI, terms(scopes)))

    assert hashed(Scope.TAX, Scope.MSMES) == hashed(Scope.MSMES, Scope.TAX, Scope.TAX)
    assert hashed(Scope.TAX) != hashed(Scope.MSMES)
    assert len(hashed(Scope.TAX)) == 32

"""Converts upper-case names of people, places and businesses to ordinary capitalisation.

A name that already has both cases is not changed.
"""

from __future__ import annotations

import re
from typing import Final

from connectors.readers.unreadable import UnreadableError

MAX_NAME_LENGTH: Final = 500
"""Maximum characters. Each takes up to half a microsecond to capitalise."""

_PARTICLES = frozenset({"BIN", "BINTI", "BT", "BT.", "VAN", "VON", "DER", "DEN", "DE", "DAN"})
"""Words inside a name that stay in lower case, unless they come first."""

_AS_WRITTEN = {
    word.upper(): word
    for word in (
        # Titles and degrees with irregular capitalisation.
        *("KH.", "KH", "RR.", "RR", "RA.", "LL.M", "LL.M.", "LL.B", "LLM", "PhD", "Ph.D", "Ph.D.", "BSc", "MSc"),
        *("Sp.OG", "Sp.PD", "Sp.JP", "Sp.THT", "Sp.BS", "Sp.KK", "Sp.KJ", "Sp.PK", "Sp.PA", "Sp.OT", "Sp.BP"),
        *("SPd", "SPdI", "MPd", "SKom", "MKom", "SSi", "MSi", "SSos", "SAg", "MAg", "SPt", "SFarm", "SPsi", "MPsi"),
        *("SKed", "SKep", "SGz", "SKM", "SIKom", "AMd", "Lc", "Dipl", "Apt", "Apt.", "Ners", "Ns."),
    )
}
_ACRONYMS = frozenset(
    (
        *("PT", "CV", "UD", "PD", "KSU", "UMKM", "BUMN", "BUMD"),  # legal forms
        *("TK", "PAUD", "SD", "SDN", "SLTP", "SMP", "SMPN", "SLTA", "SMA", "SMAN", "SMK", "SMKN"),  # schools
        *("TNI", "POLRI", "PNS", "ASN", "DPR", "DPRD", "DPD", "BPK", "RI", "DKI", "WNI", "WNA"),  # the state
        *("RT", "RW", "BTN", "RPTRA", "RSUD", "BSD", "TPU", "MRT", "LRT"),  # abbreviations in addresses
    )
)
_UNITS = frozenset({"KG", "GR", "ML", "CM", "PCS"})
_SMALL_TERMS = _UNITS | {"DAN"}
_UNUSUAL_NAMES = _PARTICLES | _AS_WRITTEN.keys()
_ROMAN = re.compile(r"(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3})")
_MAY_BE_ROMAN = frozenset("IVX")
"""The first signs of `_ROMAN`."""
_WORD = re.compile(r"[^\s/]+")
_PIECE = re.compile(r"[^.\-(\"]+")


def person_name(raw: str) -> str:
    """Capitalises a person's name: `DRG. H. ANDI WIJAYA, S.SOS` becomes `Drg. H. Andi Wijaya, S.Sos`.

    Particles (`bin`, `binti`, `van`) become small, titles and degrees keep their customary form, a degree without dots
    (`SH`, `MM`) after a comma stays in capitals, and so does a Roman numeral at the end. Raises `UnreadableError` if
    the text is too long for a name.
    """
    upper = _find_upper(raw)
    if upper is None:
        return raw
    name, comma, degrees = upper.partition(",")
    words = name.split(" ")
    numeral = len(words) > 1 and _ROMAN.fullmatch(words[-1].strip()) is not None
    # Nearly all words are of letters, and in no list: without a call for each, a name takes two thirds of the time.
    shown = [
        word.capitalize() if word.isalpha() and word not in _UNUSUAL_NAMES else _name_word(word, first=place == 0)
        for place, word in enumerate(words)
    ]
    if numeral:
        shown[-1] = words[-1]
    return " ".join(shown) + (comma and comma + _WORD.sub(lambda found: _degree(found[0]), degrees))


def to_ordinary_case(raw: str) -> str:
    """Capitalises a place, an address, a business or a term of a list.

    `JL. KENANGA NO. 12` is `Jl. Kenanga No. 12`, `SLTA/SEDERAJAT` is `SLTA/Sederajat`: well-known abbreviations and
    Roman numerals stay in capitals. Raises `UnreadableError` if the text is too long.
    """
    upper = _find_upper(raw)
    return raw if upper is None else _WORD.sub(_term, upper)


def _find_upper(raw: str) -> str | None:
    """The text in capitals; None if it has both cases. Raises `UnreadableError`."""
    if len(raw) > MAX_NAME_LENGTH:
        raise UnreadableError(f"a name or address of at most {MAX_NAME_LENGTH} characters")
    upper = raw.upper()
    return None if raw not in (upper, raw.lower()) else upper


def _name_word(word: str, *, first: bool) -> str:
    if word in _PARTICLES and not first:
        return word.lower()
    return _AS_WRITTEN.get(word) or _capitalised(word)


def _degree(word: str) -> str:
    bare = word.rstrip(",")
    known = _AS_WRITTEN.get(bare)
    if known is None:
        # Undotted degrees are abbreviations letter by letter: SH, SE, MM, MBA.
        known = _capitalised(bare) if "." in bare else bare
    return known + word[len(bare) :]


def _term(found: re.Match[str]) -> str:
    word = found[0]
    if not word.isalpha():
        return _PIECE.sub(_term_piece, word)
    # Most words are of letters, and so one piece. Without the pattern, they take a third of the time.
    if word in _SMALL_TERMS:
        return word.lower()
    if word in _ACRONYMS or (word[0] in _MAY_BE_ROMAN and _ROMAN.fullmatch(word)):
        return word
    return word.capitalize()


def _term_piece(found: re.Match[str]) -> str:
    piece = found[0]
    if piece in _UNITS:
        return piece.lower()
    bare = piece.rstrip("),")
    if bare in _ACRONYMS or _ROMAN.fullmatch(bare):
        return piece
    if piece.isalpha():  # no digits, and no sign between letters
        return piece.capitalize()
    return piece if any(sign.isdigit() for sign in bare) else _piece(piece)


def _capitalised(word: str) -> str:
    """Capitalises each piece between dots, hyphens and brackets: `S.SOS`, `AL-FARUQ`."""
    return word.capitalize() if word.isalpha() else _PIECE.sub(lambda found: _piece(found[0]), word)


def _piece(piece: str) -> str:
    # O'NEIL and D'COSTA take a second capital; NUR'AINI and MA'RUF, where the sign is a letter of Arabic, do not.
    head, sign, tail = piece.partition("'")
    if sign and len(head) == 1:
        return head + sign + tail.capitalize()
    return piece.capitalize()

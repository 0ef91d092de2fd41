"""How the sandbox's property tax agency reads and writes SOAP 1.1: envelopes, answers, faults."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO

from lxml import etree

from sandbox.pbb_data import NJOPTKP, Bill, Nop, Payment, TaxObject

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SERVICE = "urn:bapenda-jakarta:pbb:v1"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
TYPES = "urn:bapenda-jakarta:sismiop:v1"
NO_DATE = "01-01-1900"
"""What the agency writes for a day it does not know."""

Cell = str | int | None


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks: the name of the operation and its only argument, empty when it was left out."""

    name: str
    argument: str


def parsed(body: bytes) -> etree._Element | None:
    """The SOAP 1.1 envelope in a request body, or None when there is none. Document types are not resolved."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return None
    return root if root.tag == f"{{{SOAP}}}Envelope" else None


def operation_of(envelope: etree._Element) -> Operation | None:
    """The operation in the body of an envelope, or None when the body does not hold exactly one of this service."""
    asked = envelope.findall(f"{{{SOAP}}}Body/*")
    if len(asked) != 1:
        return None
    name = etree.QName(asked[0])
    if name.namespace != SERVICE:
        return None
    argument = next((child.text for child in asked[0]), None)
    return Operation(name.localname, (argument or "").strip())


def credential_of(envelope: etree._Element) -> tuple[str, str]:
    """User and password of the header `Otentikasi`; empty where they are missing."""
    path = f"{{{SOAP}}}Header/{{{SERVICE}}}Otentikasi/{{{SERVICE}}}"
    return envelope.findtext(f"{path}pengguna") or "", envelope.findtext(f"{path}kata_sandi") or ""


def name_of(envelope: etree._Element) -> str | None:
    """The `MessageID` of a request (WS-Addressing), where it has one."""
    return envelope.findtext(f"{{{SOAP}}}Header/{{{ADDRESSING}}}MessageID")


def related(answer: bytes, name: str | None) -> bytes:
    """An answer that says which message it answers, where that has a name."""
    if name is None:
        return answer
    envelope = etree.fromstring(answer)
    header = etree.Element(f"{{{SOAP}}}Header")
    etree.SubElement(header, f"{{{ADDRESSING}}}RelatesTo").text = name
    envelope.insert(0, header)
    return _written(envelope)


def result(operation: str, code: str, remark: str, found: Sequence[etree._Element] = ()) -> bytes:
    """The answer of an operation: its code, what the code means, and what was found."""
    answer = etree.Element(f"{{{SERVICE}}}{operation}Response", nsmap={"pbb": SERVICE, "op": TYPES, "xsi": XSI})
    etree.SubElement(answer, f"{{{SERVICE}}}kode").text = code
    etree.SubElement(answer, f"{{{SERVICE}}}keterangan").text = remark
    answer.extend(found)
    return _enveloped(answer)


def tax_object(held: TaxObject) -> etree._Element:
    """An object as `objek` of an answer, with all its bills."""
    row = etree.Element(f"{{{SERVICE}}}objek")
    _key(row, held.nop)
    _cell(row, "JALAN_OP", held.street)
    _cell(row, "RT_OP", held.rt)
    _cell(row, "RW_OP", held.rw)
    _cell(row, "NM_KELURAHAN_OP", held.village.name.upper())
    _cell(row, "KD_KEMENDAGRI", held.village.code)
    row.extend(bill("SPPT", one, namespace=TYPES) for one in held.bills)
    return row


def bill(tag: str, held: Bill, *, namespace: str = SERVICE) -> etree._Element:
    """A bill under the given tag, in the columns of the agency's table SPPT, with its payments."""
    row = etree.Element(f"{{{namespace}}}{tag}")
    _key(row, held.nop)
    cells: dict[str, Cell] = {
        "THN_PAJAK_SPPT": held.year,
        "NM_WP_SPPT": held.taxpayer,
        "LUAS_BUMI_SPPT": held.land_area,
        "LUAS_BNG_SPPT": held.building_area,
        "NJOP_BUMI_SPPT": held.land_value,
        "NJOP_BNG_SPPT": held.building_value,
        "NJOP_SPPT": held.value,
        "NJOPTKP_SPPT": NJOPTKP,
        "PBB_TERHUTANG_SPPT": held.tax,
        "FAKTOR_PENGURANG_SPPT": held.reduction,
        "PBB_YG_HARUS_DIBAYAR_SPPT": held.payable,
        "STATUS_PEMBAYARAN_SPPT": int(held.paid),
        "TGL_TERBIT_SPPT": _day(held.issued_on),
        "TGL_JATUH_TEMPO_SPPT": _day(held.due_on),
    }
    for name, value in cells.items():
        _cell(row, name, value)
    row.extend(_payment(one) for one in held.payments)
    return row


def fault(side: str, code: str, remark: str) -> bytes:
    """A SOAP 1.1 fault of the given side (`Client`, `Server`), with the agency's own code in its detail."""
    element = etree.Element(f"{{{SOAP}}}Fault")
    # The children of a 1.1 fault have no namespace (SOAP 1.1 section 4.4).
    etree.SubElement(element, "faultcode").text = f"soap:{side}"
    etree.SubElement(element, "faultstring").text = remark
    detail = etree.SubElement(etree.SubElement(element, "detail"), f"{{{SERVICE}}}Kesalahan", nsmap={"pbb": SERVICE})
    etree.SubElement(detail, f"{{{SERVICE}}}kode").text = code
    etree.SubElement(detail, f"{{{SERVICE}}}keterangan").text = remark
    return _enveloped(element)


def unreadable_fault(remark: str) -> bytes:
    """The fault for a request that is not understood: its shape is SOAP 1.2's although the envelope is 1.1."""
    element = etree.Element(f"{{{SOAP}}}Fault", nsmap={"env": SOAP12})
    code = etree.SubElement(element, f"{{{SOAP12}}}Code")
    etree.SubElement(code, f"{{{SOAP12}}}Value").text = "env:Sender"
    reason = etree.SubElement(etree.SubElement(element, f"{{{SOAP12}}}Reason"), f"{{{SOAP12}}}Text")
    reason.set("{http://www.w3.org/XML/1998/namespace}lang", "id")
    reason.text = remark
    return _enveloped(element)


def _enveloped(content: etree._Element) -> bytes:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(envelope, f"{{{SOAP}}}Body").append(content)
    return _written(envelope)


def _written(envelope: etree._Element) -> bytes:
    written = BytesIO()
    etree.ElementTree(envelope).write(written, encoding="ISO-8859-1", xml_declaration=True)
    return written.getvalue()


def _key(row: etree._Element, nop: Nop) -> None:
    _cell(row, "KD_PROPINSI", nop.province)
    _cell(row, "KD_DATI2", nop.city)
    _cell(row, "KD_KECAMATAN", nop.district)
    _cell(row, "KD_KELURAHAN", nop.village)
    _cell(row, "KD_BLOK", nop.block)
    _cell(row, "NO_URUT", nop.number)
    _cell(row, "KD_JNS_OP", nop.special)


def _payment(paid: Payment) -> etree._Element:
    row = etree.Element(f"{{{TYPES}}}PEMBAYARAN")
    _cell(row, "PEMBAYARAN_SPPT_KE", paid.sequence)
    _cell(row, "DENDA_SPPT", paid.fine)
    _cell(row, "JML_SPPT_YG_DIBAYAR", paid.amount)
    _cell(row, "TGL_PEMBAYARAN_SPPT", _day(paid.paid_on))
    _cell(row, "NO_BUKTI", paid.receipt)
    _cell(row, "DIBATALKAN", int(paid.cancelled))
    return row


def _cell(row: etree._Element, name: str, value: Cell) -> None:
    cell = etree.SubElement(row, f"{{{TYPES}}}{name}")
    if value is None:
        cell.set(f"{{{XSI}}}nil", "true")
    else:
        cell.text = str(value)


def _day(day: date | None) -> str:
    return NO_DATE if day is None else f"{day:%d-%m-%Y}"

"""Reads and writes the SOAP 1.1 messages of the sandbox's property tax agency: envelopes, answers, faults."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO

from lxml import etree

from sandbox.pbb.tax_roll import NJOPTKP, NopParts, PbbBill, PbbPayment, PbbTaxObject

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SERVICE = "urn:bapenda-jakarta:pbb:v1"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
TYPES = "urn:bapenda-jakarta:sismiop:v1"
NO_DATE = "01-01-1900"
"""The text for an unknown day."""

Cell = str | int | None


@dataclass(frozen=True, slots=True)
class SoapOperation:
    """The operation of a request and its only argument, empty if omitted."""

    name: str
    argument: str


def parse_envelope(body: bytes) -> etree._Element | None:
    """The SOAP 1.1 envelope in a request body; None if there is none. Document types are not resolved."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return None
    return root if root.tag == f"{{{SOAP}}}Envelope" else None


def parse_operation(envelope: etree._Element) -> SoapOperation | None:
    """The operation in the body of an envelope; None unless the body has exactly one of this service."""
    elements = envelope.findall(f"{{{SOAP}}}Body/*")
    if len(elements) != 1:
        return None
    name = etree.QName(elements[0])
    if name.namespace != SERVICE:
        return None
    argument = next((child.text for child in elements[0]), None)
    return SoapOperation(name.localname, (argument or "").strip())


def read_credential(envelope: etree._Element) -> tuple[str, str]:
    """User and password of the header `Otentikasi`; empty if missing."""
    path = f"{{{SOAP}}}Header/{{{SERVICE}}}Otentikasi/{{{SERVICE}}}"
    return envelope.findtext(f"{path}pengguna") or "", envelope.findtext(f"{path}kata_sandi") or ""


def read_message_id(envelope: etree._Element) -> str | None:
    """The `MessageID` of a request (WS-Addressing), if present."""
    return envelope.findtext(f"{{{SOAP}}}Header/{{{ADDRESSING}}}MessageID")


def add_relates_to(answer: bytes, name: str | None) -> bytes:
    """Add `RelatesTo` to an answer, if the request has a message id."""
    if name is None:
        return answer
    envelope = etree.fromstring(answer)
    header = etree.Element(f"{{{SOAP}}}Header")
    etree.SubElement(header, f"{{{ADDRESSING}}}RelatesTo").text = name
    envelope.insert(0, header)
    return _serialize(envelope)


def build_result(operation: str, code: str, remark: str, found: Sequence[etree._Element] = ()) -> bytes:
    """The answer of an operation: its code, the meaning of the code, and the results."""
    answer = etree.Element(f"{{{SERVICE}}}{operation}Response", nsmap={"pbb": SERVICE, "op": TYPES, "xsi": XSI})
    etree.SubElement(answer, f"{{{SERVICE}}}kode").text = code
    etree.SubElement(answer, f"{{{SERVICE}}}keterangan").text = remark
    answer.extend(found)
    return _wrap_in_envelope(answer)


def build_tax_object(record: PbbTaxObject) -> etree._Element:
    """The `objek` element of a tax object, with all its bills."""
    row = etree.Element(f"{{{SERVICE}}}objek")
    _add_key(row, record.nop)
    _add_cell(row, "JALAN_OP", record.street)
    _add_cell(row, "RT_OP", record.rt)
    _add_cell(row, "RW_OP", record.rw)
    _add_cell(row, "NM_KELURAHAN_OP", record.village.name.upper())
    _add_cell(row, "KD_KEMENDAGRI", record.village.code)
    row.extend(build_bill("SPPT", one, namespace=TYPES) for one in record.bills)
    return row


def build_bill(tag: str, record: PbbBill, *, namespace: str = SERVICE) -> etree._Element:
    """The element `tag` of a bill, in the columns of the agency's table SPPT, with its payments."""
    row = etree.Element(f"{{{namespace}}}{tag}")
    _add_key(row, record.nop)
    cells: dict[str, Cell] = {
        "THN_PAJAK_SPPT": record.year,
        "NM_WP_SPPT": record.taxpayer,
        "LUAS_BUMI_SPPT": record.land_area,
        "LUAS_BNG_SPPT": record.building_area,
        "NJOP_BUMI_SPPT": record.land_value,
        "NJOP_BNG_SPPT": record.building_value,
        "NJOP_SPPT": record.value,
        "NJOPTKP_SPPT": NJOPTKP,
        "PBB_TERHUTANG_SPPT": record.tax,
        "FAKTOR_PENGURANG_SPPT": record.reduction,
        "PBB_YG_HARUS_DIBAYAR_SPPT": record.payable,
        "STATUS_PEMBAYARAN_SPPT": int(record.paid),
        "TGL_TERBIT_SPPT": _format_day(record.issued_on),
        "TGL_JATUH_TEMPO_SPPT": _format_day(record.due_on),
    }
    for name, value in cells.items():
        _add_cell(row, name, value)
    row.extend(_build_payment(one) for one in record.payments)
    return row


def build_fault(side: str, code: str, remark: str) -> bytes:
    """A SOAP 1.1 fault of a side (`Client`, `Server`), with the agency's own code in its detail."""
    element = etree.Element(f"{{{SOAP}}}Fault")
    # The children of a 1.1 fault have no namespace (SOAP 1.1, section 4.4).
    etree.SubElement(element, "faultcode").text = f"soap:{side}"
    etree.SubElement(element, "faultstring").text = remark
    detail = etree.SubElement(etree.SubElement(element, "detail"), f"{{{SERVICE}}}Kesalahan", nsmap={"pbb": SERVICE})
    etree.SubElement(detail, f"{{{SERVICE}}}kode").text = code
    etree.SubElement(detail, f"{{{SERVICE}}}keterangan").text = remark
    return _wrap_in_envelope(element)


def build_unreadable_fault(remark: str) -> bytes:
    """The fault of a request that cannot be parsed: it has SOAP 1.2's form in a 1.1 envelope."""
    element = etree.Element(f"{{{SOAP}}}Fault", nsmap={"env": SOAP12})
    code = etree.SubElement(element, f"{{{SOAP12}}}Code")
    etree.SubElement(code, f"{{{SOAP12}}}Value").text = "env:Sender"
    reason = etree.SubElement(etree.SubElement(element, f"{{{SOAP12}}}Reason"), f"{{{SOAP12}}}Text")
    reason.set("{http://www.w3.org/XML/1998/namespace}lang", "id")
    reason.text = remark
    return _wrap_in_envelope(element)


def _wrap_in_envelope(content: etree._Element) -> bytes:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(envelope, f"{{{SOAP}}}Body").append(content)
    return _serialize(envelope)


def _serialize(envelope: etree._Element) -> bytes:
    written = BytesIO()
    etree.ElementTree(envelope).write(written, encoding="ISO-8859-1", xml_declaration=True)
    return written.getvalue()


def _add_key(row: etree._Element, nop: NopParts) -> None:
    _add_cell(row, "KD_PROPINSI", nop.province)
    _add_cell(row, "KD_DATI2", nop.city)
    _add_cell(row, "KD_KECAMATAN", nop.district)
    _add_cell(row, "KD_KELURAHAN", nop.village)
    _add_cell(row, "KD_BLOK", nop.block)
    _add_cell(row, "NO_URUT", nop.number)
    _add_cell(row, "KD_JNS_OP", nop.special)


def _build_payment(paid: PbbPayment) -> etree._Element:
    row = etree.Element(f"{{{TYPES}}}PEMBAYARAN")
    _add_cell(row, "PEMBAYARAN_SPPT_KE", paid.sequence)
    _add_cell(row, "DENDA_SPPT", paid.fine)
    _add_cell(row, "JML_SPPT_YG_DIBAYAR", paid.amount)
    _add_cell(row, "TGL_PEMBAYARAN_SPPT", _format_day(paid.paid_on))
    _add_cell(row, "NO_BUKTI", paid.receipt)
    _add_cell(row, "DIBATALKAN", int(paid.cancelled))
    return row


def _add_cell(row: etree._Element, name: str, value: Cell) -> None:
    cell = etree.SubElement(row, f"{{{TYPES}}}{name}")
    if value is None:
        cell.set(f"{{{XSI}}}nil", "true")
    else:
        cell.text = str(value)


def _format_day(day: date | None) -> str:
    return NO_DATE if day is None else f"{day:%d-%m-%Y}"

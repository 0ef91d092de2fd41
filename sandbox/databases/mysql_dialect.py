"""The part of the MySQL client protocol that the proxy needs: finding statements, and failing them.

Source: MariaDB documentation, "Client/Server Protocol" (connecting, COM_QUERY, COM_STMT_PREPARE, COM_STMT_EXECUTE).
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum

from sandbox.databases.sql_proxy import ProtocolMessage, ProxyAnswer, StatementFailure, WireDialect
from sandbox.databases.statements import StatementNames

_HEAD = 4
_OK, _ERR, _GREETING = 0x00, 0xFF, 0x0A
_LAST_PREPARED = b"\xff\xff\xff\xff"
_COMPRESS = 0x20
_ACCESS_DENIED, _ACCOUNT_LOCKED = 1045, 4151
_FAILURES = {
    StatementFailure.ERROR: (1105, b"HY000", b"the sandbox plays a failing server"),
    StatementFailure.REFUSED: (_ACCESS_DENIED, b"28000", b"Access denied"),
    StatementFailure.CANCELLED: (1317, b"70100", b"Query execution was interrupted"),
}


class _Command(IntEnum):
    QUERY = 0x03
    PREPARE = 0x16
    EXECUTE = 0x17
    CLOSE = 0x19


class MysqlDialect(WireDialect):
    """One MySQL connection, as MariaDB speaks it.

    Client and server alternate, so the proxy fails a statement by answering it. It changes one thing: the greeting does
    not offer compression, which would hide the statements.
    """

    def __init__(self, statements: StatementNames) -> None:
        self._statements = statements
        self._client = bytearray()
        self._server = bytearray()
        self._greeted = False
        self._proven = False
        self._preparing: tuple[str | None] | None = None
        self._prepared: dict[bytes, str | None] = {}

    def from_client(self, data: bytes) -> Sequence[ProtocolMessage]:
        """Packets; the command byte identifies statements."""
        self._client += data
        return [self._parse_command(packet) for packet in _packets(self._client)]

    def from_server(self, data: bytes) -> Sequence[ProtocolMessage]:
        """Packets during login and after a prepare; otherwise the bytes as received."""
        if self._proven and self._preparing is None:
            return [ProtocolMessage(data)]
        self._server += data
        pieces = []
        for packet in _packets(self._server):
            pieces.append(self._parse_reply(packet))
            if self._proven and self._preparing is None:
                break
        if self._proven and self._preparing is None and self._server:
            pieces.append(ProtocolMessage(bytes(self._server)))
            self._server.clear()
        return pieces

    def fail(self, failure: StatementFailure) -> ProxyAnswer:
        """An error packet with the next sequence number."""
        code, state, text = _FAILURES[failure]
        payload = b"%c%b#%b%b" % (_ERR, code.to_bytes(2, "little"), state, text)
        packet = len(payload).to_bytes(3, "little") + (b"\x01" if self._proven else b"\x02") + payload
        return ProxyAnswer(to_client=packet, last=failure is StatementFailure.REFUSED)

    def rubbish(self) -> bytes:
        """A web page instead of a packet."""
        return b"<html><h1>502 Bad Gateway</h1></html>"

    def _parse_command(self, packet: bytes) -> ProtocolMessage:
        sequence, command, body = packet[3], packet[_HEAD : _HEAD + 1], packet[_HEAD + 1 :]
        if not self._proven:
            return ProtocolMessage(packet, login=sequence == 1)
        if sequence != 0 or not command:
            return ProtocolMessage(packet)
        operation = None
        match command[0]:
            case _Command.QUERY:
                operation = self._statements.name_operation(body)
            case _Command.PREPARE:
                self._preparing = (self._statements.name_operation(body),)
            case _Command.EXECUTE:
                operation = self._prepared.get(body[:4])
            case _Command.CLOSE:
                self._prepared.pop(body[:4], None)
        return ProtocolMessage(packet, operation=operation)

    def _parse_reply(self, packet: bytes) -> ProtocolMessage:
        kind = packet[_HEAD] if len(packet) > _HEAD else _OK
        if not self._greeted:
            self._greeted = True
            return ProtocolMessage(_without_compression(packet) if kind == _GREETING else packet)
        if not self._proven:
            self._proven = kind == _OK
            code = int.from_bytes(packet[_HEAD + 1 : _HEAD + 3], "little")
            return ProtocolMessage(packet, refused=kind == _ERR and code in {_ACCESS_DENIED, _ACCOUNT_LOCKED})
        if self._preparing is not None:
            if kind == _OK:
                statement = packet[_HEAD + 1 : _HEAD + 5]
                self._prepared[statement] = self._prepared[_LAST_PREPARED] = self._preparing[0]
            self._preparing = None
        return ProtocolMessage(packet)


def _packets(buffer: bytearray) -> Iterator[bytes]:
    """Take whole packets off a buffer: three bytes of length, one of sequence, the payload."""
    while len(buffer) >= _HEAD and len(buffer) >= (size := _HEAD + int.from_bytes(buffer[:3], "little")):
        packet = bytes(buffer[:size])
        del buffer[:size]
        yield packet


def _without_compression(greeting: bytes) -> bytes:
    """The greeting with its compression flag cleared; the flag follows version, thread id and the first scramble."""
    flags = greeting.index(b"\0", _HEAD + 1) + 1 + 4 + 8 + 1
    return greeting[:flags] + bytes([greeting[flags] & ~_COMPRESS & 0xFF]) + greeting[flags + 1 :]

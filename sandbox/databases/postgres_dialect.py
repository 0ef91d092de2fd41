"""The part of the PostgreSQL protocol 3.0 that the proxy needs: finding statements, and failing them.

Source: PostgreSQL documentation, "Frontend/Backend Protocol", sections Message Flow and Message Formats.
"""

from collections.abc import Iterator, Sequence

from sandbox.databases.sql_proxy import ProtocolMessage, ProxyAnswer, StatementFailure, WireDialect
from sandbox.databases.statements import StatementNames

_LENGTH = 4
_SSL_REQUEST, _GSS_REQUEST, _CANCEL_REQUEST = 80877103, 80877104, 80877102
_AUTHENTICATION_OK = b"R\x00\x00\x00\x08\x00\x00\x00\x00"
_NO_SUCH_PORTAL = b"no such portal of the sandbox"
_FAILURES = {
    StatementFailure.ERROR: (b"ERROR", b"XX000", b"the sandbox plays a failing server"),
    StatementFailure.REFUSED: (b"FATAL", b"28P01", b"password authentication failed"),
    StatementFailure.CANCELLED: (b"ERROR", b"57014", b"canceling statement due to user request"),
}


class PostgresDialect(WireDialect):
    """One PostgreSQL connection.

    The server itself fails a statement, so that its transaction knows: the proxy sends the server a statement that must
    fail, and replaces the error that comes back.
    """

    def __init__(self, statements: StatementNames) -> None:
        self._statements = statements
        self._client = bytearray()
        self._server = bytearray()
        self._starting = True
        self._proven = False
        self._settled = False
        self._one_byte_answers = 0
        self._prepared: dict[bytes, str | None] = {}
        self._portals: dict[bytes, str | None] = {}
        self._simple = False
        self._words: bytes | None = None
        self._fatal = False

    def from_client(self, data: bytes) -> Sequence[ProtocolMessage]:
        """Start-up packets and messages; Execute and Query messages carry statements."""
        self._client += data
        return [
            self._parse_startup(message) if self._starting else self._parse_request(message)
            for message in self._messages()
        ]

    def from_server(self, data: bytes) -> Sequence[ProtocolMessage]:
        """Messages one by one until the session is established, then as many as are complete."""
        self._server += data
        return list(self._parse_replies())

    def fail(self, failure: StatementFailure) -> ProxyAnswer:
        """A refused login is answered by the proxy; a statement is replaced by one that fails."""
        severity, code, text = _FAILURES[failure]
        self._words = _message(b"E", b"S%b\0V%b\0C%b\0M%b\0\0" % (severity, severity, code, text))
        self._fatal = failure is StatementFailure.REFUSED
        if not self._proven:
            return ProxyAnswer(to_client=self._words, last=True)
        if self._simple:
            return ProxyAnswer(to_server=_message(b"Q", b"PLEASE FAIL\0"))
        return ProxyAnswer(to_server=_message(b"E", _NO_SUCH_PORTAL + b"\0\0\0\0\0"))

    def rubbish(self) -> bytes:
        """A row that promises 32,767 columns and holds a web page, in a valid frame: a driver must check it."""
        return _message(b"D", b"\x7f\xff<html><h1>502 Bad Gateway</h1></html>") + _message(b"Z", b"I")

    def _messages(self) -> Iterator[bytes]:
        """Complete messages of the client; those before the end of the start-up have no type byte."""
        while True:
            head = 0 if self._starting else 1
            if len(self._client) < head + _LENGTH:
                return
            size = head + int.from_bytes(self._client[head : head + _LENGTH])
            if len(self._client) < size:
                return
            message = bytes(self._client[:size])
            del self._client[:size]
            yield message

    def _parse_startup(self, message: bytes) -> ProtocolMessage:
        request = int.from_bytes(message[_LENGTH : 2 * _LENGTH])
        if request in {_SSL_REQUEST, _GSS_REQUEST}:
            self._one_byte_answers += 1
            return ProtocolMessage(message)
        if request == _CANCEL_REQUEST:
            return ProtocolMessage(message, cancels=message[2 * _LENGTH :])
        self._starting = False
        return ProtocolMessage(message, login=True)

    def _parse_request(self, message: bytes) -> ProtocolMessage:
        kind, body = message[:1], message[1 + _LENGTH :]
        match kind:
            case b"P":
                name, text, *_ = body.split(b"\0", 2)
                self._prepared[name] = self._statements.name_operation(text)
            case b"B":
                portal, name, *_ = body.split(b"\0", 2)
                self._portals[portal] = self._prepared.get(name)
            case b"C" if body[:1] == b"S":
                self._prepared.pop(body[1:-1], None)
            case b"E" | b"Q":
                self._simple = kind == b"Q"
                text = body.partition(b"\0")[0]
                operation = self._statements.name_operation(text) if self._simple else self._portals.get(text)
                return ProtocolMessage(message, operation=operation)
        return ProtocolMessage(message)

    def _parse_replies(self) -> Iterator[ProtocolMessage]:
        # The answer to a request for encryption is one byte without a frame.
        while self._one_byte_answers and self._server:
            self._one_byte_answers -= 1
            yield ProtocolMessage(self._take(1))
        while size := self._next_size():
            if self._settled and self._words is None and not self._fatal:
                yield ProtocolMessage(self._take(self._whole_size()))
            else:
                yield self._parse_reply(self._take(size))

    def _whole_size(self) -> int:
        """The number of bytes in the buffer that form complete messages."""
        buffer, at, end = self._server, 0, len(self._server)
        while at + _LENGTH < end:
            after = at + 1 + int.from_bytes(buffer[at + 1 : at + 1 + _LENGTH])
            if after > end:
                break
            at = after
        return at

    def _next_size(self) -> int:
        """The size of the buffer's first message, 0 if it is incomplete."""
        if len(self._server) <= _LENGTH:
            return 0
        size = 1 + int.from_bytes(self._server[1 : 1 + _LENGTH])
        return size if size <= len(self._server) else 0

    def _parse_reply(self, message: bytes) -> ProtocolMessage:
        kind = message[:1]
        if message == _AUTHENTICATION_OK:
            self._proven = True
        if kind == b"Z":
            self._settled = True
            return ProtocolMessage(message, last=self._fatal)
        if kind == b"K":
            return ProtocolMessage(message, key=message[1 + _LENGTH :])
        if kind == b"E" and self._words is not None:
            words, self._words = self._words, None
            return ProtocolMessage(words)
        refused = kind == b"E" and not self._proven and b"\0C28" in message
        return ProtocolMessage(message, refused=refused)

    def _take(self, size: int) -> bytes:
        data = bytes(self._server[:size])
        del self._server[:size]
        return data


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + _LENGTH).to_bytes(4) + body

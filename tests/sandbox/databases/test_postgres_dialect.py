"""The PostgreSQL dialect without a network: bytes in, messages out."""

from collections.abc import Sequence

import pytest

from sandbox.databases.postgres_dialect import PostgresDialect
from sandbox.databases.sql_proxy import ProtocolMessage, StatementFailure
from sandbox.databases.statements import StatementNames

STARTUP = b"\x00\x00\x00\x0d\x00\x03\x00\x00user\x00"
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
CANCEL = b"\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x07secr"
AUTHENTICATED = b"R\x00\x00\x00\x08\x00\x00\x00\x00"
KEY = b"K\x00\x00\x00\x0c\x00\x00\x00\x07secr"
READY = b"Z\x00\x00\x00\x05I"
SYNC = b"S\x00\x00\x00\x04"


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4) + body


PARSE = message(b"P", b"one\0SELECT * FROM keluarga\0\0\0")
BIND = message(b"B", b"\0one\0\0\0\0\0\0\0")
EXECUTE = message(b"E", b"\0\0\0\0\0")
QUERY = message(b"Q", b"SELECT 1 FROM biodata_wni\0")
REFUSAL = message(b"E", b"SFATAL\0C28P01\0Mno\0\0")


@pytest.fixture
def dialect() -> PostgresDialect:
    return PostgresDialect(StatementNames(("biodata_wni", "keluarga")))


@pytest.fixture
def session(dialect: PostgresDialect) -> PostgresDialect:
    """A dialect with a logged-in client."""
    dialect.from_client(STARTUP)
    dialect.from_server(AUTHENTICATED + KEY + READY)
    return dialect


def data(pieces: Sequence[ProtocolMessage]) -> bytes:
    return b"".join(piece.data for piece in pieces)


def operations(pieces: Sequence[ProtocolMessage]) -> list[str]:
    return [piece.operation for piece in pieces if piece.operation]


def test_messages_are_the_same_in_any_chunks(session: PostgresDialect) -> None:
    sent = PARSE + BIND + EXECUTE + SYNC + QUERY
    pieces = [piece for byte in sent for piece in session.from_client(bytes([byte]))]

    assert [piece.data for piece in pieces] == [PARSE, BIND, EXECUTE, SYNC, QUERY]
    assert operations(pieces) == ["select keluarga", "select biodata_wni"]


def test_answers_are_the_same_in_any_chunks(dialect: PostgresDialect) -> None:
    answers = b"N" + AUTHENTICATED + KEY + READY + message(b"D", b"x" * 300) * 3 + READY
    dialect.from_client(SSL_REQUEST + STARTUP)
    pieces = [piece for byte in answers for piece in dialect.from_server(bytes([byte]))]

    assert data(pieces) == answers
    assert [piece.key for piece in pieces if piece.key is not None] == [b"\x00\x00\x00\x07secr"]


def test_the_start_up_is_the_login_and_a_request_for_encryption_is_not(dialect: PostgresDialect) -> None:
    assert [piece.login for piece in dialect.from_client(SSL_REQUEST)] == [False]
    assert [piece.login for piece in dialect.from_client(STARTUP)] == [True]


def test_every_execute_counts_for_the_statement_it_was_prepared_from(session: PostgresDialect) -> None:
    assert operations(session.from_client(PARSE)) == []
    assert operations(session.from_client(BIND + EXECUTE + SYNC)) == ["select keluarga"]
    assert operations(session.from_client(BIND + EXECUTE + SYNC)) == ["select keluarga"]


def test_a_closed_statement_is_forgotten(session: PostgresDialect) -> None:
    session.from_client(PARSE + message(b"C", b"Sone\0"))

    assert operations(session.from_client(BIND + EXECUTE)) == []


def test_a_request_to_cancel_names_the_connection_it_is_for(dialect: PostgresDialect) -> None:
    assert [piece.cancels for piece in dialect.from_client(CANCEL)] == [b"\x00\x00\x00\x07secr"]


def test_a_refused_login_is_distinguished_from_another_error(dialect: PostgresDialect) -> None:
    dialect.from_client(STARTUP)
    busy = message(b"E", b"SFATAL\0C53300\0Mfull\0\0")

    assert [piece.refused for piece in dialect.from_server(busy + REFUSAL)] == [False, True]


def test_a_denied_table_is_not_a_refused_login(session: PostgresDialect) -> None:
    assert [piece.refused for piece in session.from_server(REFUSAL)] == [False]


def test_the_server_fails_a_statement_and_the_proxy_replaces_the_message(session: PostgresDialect) -> None:
    session.from_client(PARSE + BIND + EXECUTE)
    answer = session.fail(StatementFailure.ERROR)
    pieces = session.from_server(message(b"2", b"") + message(b"E", b"SERROR\0C34000\0Mno portal\0\0") + READY)

    assert answer.to_client == b""
    assert answer.to_server[:1] == b"E"
    assert b"\0CXX000\0" in data(pieces)
    assert b"34000" not in data(pieces)
    assert data(pieces).endswith(READY)
    assert not any(piece.last for piece in pieces)


def test_a_refused_statement_ends_the_connection_when_the_server_is_ready_again(session: PostgresDialect) -> None:
    session.from_client(QUERY)
    answer = session.fail(StatementFailure.REFUSED)
    pieces = session.from_server(message(b"E", b"SERROR\0C42601\0Msyntax\0\0") + READY)

    assert answer.to_server[:1] == b"Q"
    assert b"\0C28P01\0" in pieces[0].data
    assert [piece.last for piece in pieces] == [False, True]


def test_a_refused_login_is_answered_immediately(dialect: PostgresDialect) -> None:
    dialect.from_client(STARTUP)
    answer = dialect.fail(StatementFailure.REFUSED)

    assert b"\0C28P01\0" in answer.to_client
    assert answer.to_server == b""
    assert answer.last

"""The MySQL dialect without a network: bytes in, messages out."""

import pytest

from sandbox.databases.mysql_dialect import MysqlDialect
from sandbox.databases.sql_proxy import ProtocolMessage, StatementFailure
from sandbox.databases.statements import StatementNames


def packet(sequence: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


GREETING = packet(0, b"\x0a11.8.0-MariaDB\0" + b"\x01\0\0\0" + b"scramble" + b"\0" + b"\xfe\xf7" + b"rest")
GREETING_WITHOUT_COMPRESSION = packet(
    0, b"\x0a11.8.0-MariaDB\0" + b"\x01\0\0\0" + b"scramble" + b"\0" + b"\xde\xf7" + b"rest"
)
LOGIN = packet(1, b"login")
OK = packet(2, b"\0\0\0\x02\0\0\0")
QUERY = packet(0, b"\x03SELECT * FROM umkm")
PREPARE = packet(0, b"\x16SELECT * FROM produk WHERE id = ?")
PREPARED = packet(1, b"\0\x07\0\0\0" + b"\0" * 7)


@pytest.fixture
def dialect() -> MysqlDialect:
    return MysqlDialect(StatementNames(("umkm", "produk")))


@pytest.fixture
def session(dialect: MysqlDialect) -> MysqlDialect:
    """A dialect with a logged-in client."""
    dialect.from_server(GREETING)
    dialect.from_client(LOGIN)
    dialect.from_server(OK)
    return dialect


def feed_bytewise(dialect: MysqlDialect, data: bytes) -> list[ProtocolMessage]:
    """The messages of bytes that arrive one by one."""
    return [piece for byte in data for piece in dialect.from_client(bytes([byte]))]


def test_the_greeting_changes_only_in_that_compression_is_not_offered(dialect: MysqlDialect) -> None:
    assert [piece.data for piece in dialect.from_server(GREETING)] == [GREETING_WITHOUT_COMPRESSION]


def test_the_first_packet_of_the_client_is_the_login(dialect: MysqlDialect) -> None:
    dialect.from_server(GREETING)

    assert [piece.login for piece in feed_bytewise(dialect, LOGIN + packet(3, b"more proof"))] == [True, False]


@pytest.mark.parametrize(("code", "refused"), [(1045, True), (4151, True), (1040, False)])
def test_a_refused_login_is_distinguished_from_another_error(dialect: MysqlDialect, code: int, refused: bool) -> None:  # noqa: FBT001 - a table
    dialect.from_server(GREETING)
    dialect.from_client(LOGIN)
    error = packet(2, b"\xff" + code.to_bytes(2, "little") + b"#28000no")

    assert dialect.from_server(error) == [ProtocolMessage(error, refused=refused)]


def test_a_query_on_the_agency_s_tables_is_an_operation(session: MysqlDialect) -> None:
    assert feed_bytewise(session, QUERY + packet(0, b"\x03SELECT 1") + packet(0, b"\x0e")) == [
        ProtocolMessage(QUERY, operation="select umkm"),
        ProtocolMessage(packet(0, b"\x03SELECT 1")),
        ProtocolMessage(packet(0, b"\x0e")),
    ]


def test_a_continuation_packet_is_not_a_command(session: MysqlDialect) -> None:
    more = packet(1, b"\x03SELECT * FROM umkm")

    assert feed_bytewise(session, more) == [ProtocolMessage(more)]


def test_a_prepared_statement_counts_when_it_runs_and_until_it_is_closed(session: MysqlDialect) -> None:
    run, close = packet(0, b"\x17\x07\0\0\0\0\x01\0\0\0"), packet(0, b"\x19\x07\0\0\0")

    assert feed_bytewise(session, PREPARE) == [ProtocolMessage(PREPARE)]
    assert session.from_server(PREPARED + packet(2, b"column")) == [
        ProtocolMessage(PREPARED),
        ProtocolMessage(packet(2, b"column")),
    ]
    assert feed_bytewise(session, run) == [ProtocolMessage(run, operation="select produk")]
    assert feed_bytewise(session, close + run) == [ProtocolMessage(close), ProtocolMessage(run)]


def test_a_statement_that_could_not_be_prepared_is_forgotten(session: MysqlDialect) -> None:
    error = packet(1, b"\xff\x28\x04#42000no")
    session.from_client(PREPARE)

    assert session.from_server(error) == [ProtocolMessage(error)]
    assert session.from_server(b"anything") == [ProtocolMessage(b"anything")]


def test_the_last_prepared_statement_may_be_run_without_its_number(session: MysqlDialect) -> None:
    run = packet(0, b"\x17\xff\xff\xff\xff\0\x01\0\0\0")
    session.from_client(PREPARE)
    session.from_server(PREPARED)

    assert feed_bytewise(session, run) == [ProtocolMessage(run, operation="select produk")]


def test_answers_pass_in_any_chunks(session: MysqlDialect) -> None:
    assert session.from_server(b"\x05") == [ProtocolMessage(b"\x05")]


def test_a_failed_statement_is_answered_immediately_and_the_connection_stays(session: MysqlDialect) -> None:
    answer = session.fail(StatementFailure.ERROR)

    assert answer.to_client == packet(1, b"\xff\x51\x04#HY000the sandbox plays a failing server")
    assert answer.to_server == b""
    assert not answer.last


def test_a_refused_login_is_answered_after_the_client_s_packet_and_ends_the_connection(dialect: MysqlDialect) -> None:
    dialect.from_server(GREETING)
    dialect.from_client(LOGIN)
    answer = dialect.fail(StatementFailure.REFUSED)

    assert answer.to_client == packet(2, b"\xff\x15\x04#28000Access denied")
    assert answer.last

from multidict import CIMultiDict

from connectors.drivers.http.reply import HeaderFields

RAW = [
    (b"X-Total", b"7"),
    (b"Set-Cookie", b"a=1"),
    (b"set-cookie", b"b=2 \t"),
    (b"X-City", "Köln\xff".encode("latin-1")),
]
READ = CIMultiDict(
    [("X-Total", "7"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("X-City", "K\udcf6ln\udcff")]
)  # fmt: skip


def test_fields_are_read_by_name_in_any_case_and_the_first_counts() -> None:
    fields = HeaderFields(RAW)
    for name in ("x-total", "X-TOTAL", "Set-Cookie", "SET-COOKIE", "x-city"):
        assert fields[name] == READ[name]
        assert name in fields
    assert fields.get("x-none") is None
    assert "x-none" not in fields


def test_fields_are_listed_once_per_name() -> None:
    fields = HeaderFields(RAW)
    assert list(fields.items()) == [("X-Total", "7"), ("Set-Cookie", "a=1"), ("X-City", "K\udcf6ln\udcff")]
    assert len(fields) == 3


def test_showing_them_shows_nothing_personal() -> None:
    assert "7" not in repr(HeaderFields([(b"X-Nik", b"7" * 16)])).partition(" object at ")[0]

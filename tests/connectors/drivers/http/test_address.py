from string import printable
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.drivers.http.address import AgencyAddress, EncodedPath

BASES = ["http://h", "http://h/", "http://h/open311/v2", "https://h:8443/a%20b/é/", "http://u:p@[::1]:81/x//y/"]
SIGNS = st.text(st.sampled_from(printable + "é٣\u2028\x00"), max_size=12)


class TestTarget:
    @given(base=st.sampled_from(BASES), path=SIGNS, query=st.dictionaries(SIGNS, SIGNS, max_size=3))
    @example(base="http://h/v1", path="/people/3171014506909001", query={"ids": "1,2", "since": "2026-11-24T08:00:00Z"})
    @example(base="http://h/v1", path="a//b/", query={"": ""})
    @example(base="http://h", path="//", query={"a": "b&c=d#e", "f": "+ %"})
    @example(base="http://h", path="a:b/c", query={})
    @example(base="http://h", path="a\n", query={"q": "a\r\nX: y"})
    def test_equals_the_path_and_query_of_the_url(self, base: str, path: str, query: dict[str, str]) -> None:
        address = AgencyAddress("crm", base)
        if {".", ".."} & set(path.split("/")):
            for written in (address.build_url, address.build_target):
                with pytest.raises(ValueError, match=r"^The path for agency 'crm' holds '\.' or '\.\.'\."):
                    written(path, query)
        else:
            assert address.build_target(path, query) == address.build_url(path, query).raw_path_qs

    @pytest.mark.parametrize("base", BASES)
    @pytest.mark.parametrize("path", ["izin/503%2F1%20a", "a%252f", "izin/31.71/", "%C3%A9%3Fx%23"])
    def test_an_encoded_path_stays_as_it_is(self, base: str, path: str) -> None:
        address = AgencyAddress("crm", base)
        target = address.build_target(EncodedPath(path), {"a": "1"})
        assert target == address.build_url(EncodedPath(path), {"a": "1"}).raw_path_qs
        assert target.endswith(f"/{path}?a=1")

    @given(path=SIGNS, query=st.dictionaries(SIGNS, SIGNS, max_size=3))
    def test_never_contains_a_line_break(self, path: str, query: dict[str, str]) -> None:
        try:
            target = AgencyAddress("crm", "http://h/v1").build_target(path, query)
        except ValueError:
            return
        assert target.isascii()
        assert target.isprintable()
        assert " " not in target


class TestParts:
    @pytest.mark.parametrize(
        ("base", "host", "port", "authority", "secure"),
        [
            ("http://crm.example/v2", "crm.example", 80, "crm.example", False),
            ("https://crm.example:8443", "crm.example", 8443, "crm.example:8443", True),
            ("https://[::1]/", "::1", 443, "[::1]", True),
            ("http://u:p@127.0.0.1:81", "127.0.0.1", 81, "127.0.0.1:81", False),
            ("http://bücher.example", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", False),
        ],
    )
    def test_host_for_the_connection_and_host_header(
        self,
        base: str,
        host: str,
        port: int,
        authority: str,
        secure: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        address = AgencyAddress("crm", base)
        assert (address.host, address.port, address.authority, address.is_secure) == (host, port, authority, secure)

    @pytest.mark.parametrize(
        ("base", "header"),
        [
            ("http://h", None),
            ("http://user:pass@h", "Basic dXNlcjpwYXNz"),
            ("http://user@h", "Basic dXNlcjo="),
            (f"http://user:{quote('p@ß/', safe='')}@h", "Basic dXNlcjpwQN8v"),
        ],
    )
    def test_user_and_password_become_a_header(self, base: str, header: str | None) -> None:
        assert AgencyAddress("crm", base).build_authorization() == header

    @pytest.mark.parametrize("user", ["a%3Ab", "%E2%82%AC"], ids=["colon", "not latin-1"])
    def test_an_unencodable_user_is_refused_without_echoing_the_password(self, user: str) -> None:
        with pytest.raises(ValueError, match=r".") as caught:
            AgencyAddress("crm", f"http://{user}:rahasia@h").build_authorization()
        assert "rahasia" not in str(caught.value) or isinstance(caught.value, UnicodeEncodeError)


class TestLinks:
    @pytest.mark.parametrize(
        ("link", "target"),
        [
            ("?page=2", "/v1/markets?page=2"),
            ("prices", "/v1/prices"),
            ("/v2/markets?after=a%2Bb&x=1#top", "/v2/markets?after=a%2Bb&x=1"),
            ("https://h.id/v1/markets?page=2", "/v1/markets?page=2"),
            ("https://H.ID:443/v1?q=a b", "/v1?q=a+b"),
            ("//h.id/x", "/x"),
        ],
    )
    def test_a_link_at_the_same_origin_is_followed(self, link: str, target: str) -> None:
        address = AgencyAddress("crm", "https://user:secret@h.id/v1")
        found = address.resolve_link(link, "markets", {"page": "1"})
        assert found == target
        assert address.build_target(found, None) == address.build_url(found, None).raw_path_qs == target

    @pytest.mark.parametrize(
        "link",
        [
            "http://h.id/v1",
            "https://h.id:8443/v1",
            "https://h.id.evil.id/",
            "//evil.id/v1",
            "https://[x",
            "mailto:a@h.id",
        ],
    )
    def test_a_link_to_another_origin_is_refused_without_showing_it(self, link: str) -> None:
        address = AgencyAddress("crm", "https://h.id/v1")
        with pytest.raises(ValueError, match=r"^A link of agency 'crm' leads to another origin\.$"):
            address.resolve_link(link, "markets", None)


def test_a_sequence_repeats_a_parameter() -> None:
    address = AgencyAddress("crm", "https://h.id/v1")
    assert address.build_target("m", {"id": ["1", "a b"], "x": "2"}) == "/v1/m?id=1&id=a+b&x=2"

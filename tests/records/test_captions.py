"""Captions: complete and equal in each language, and of things that the graph has."""

from __future__ import annotations

from graphql import GraphQLEnumType, GraphQLObjectType

from records.captions.catalogue import load_captions
from records.languages import Language
from schema.builder import build_schema, get_graphql_schema
from tests.schema.graph_fields import types

ENGLISH, INDONESIAN = (load_captions(each) for each in (Language.ENGLISH, Language.INDONESIAN))


def test_both_languages_have_the_same_captions_and_none_is_empty() -> None:
    assert ENGLISH.short.keys() == INDONESIAN.short.keys()
    assert ENGLISH.plain.keys() == INDONESIAN.plain.keys()
    for captions in (ENGLISH, INDONESIAN):
        assert all(each.strip() for each in (*captions.short.values(), *captions.plain.values()))


def test_every_caption_is_of_a_field_or_a_value_of_the_graph_and_enumerations_are_complete() -> None:
    whole = get_graphql_schema(build_schema()).type_map
    by_type: dict[str, set[str]] = {}
    for coordinate in ENGLISH.short:
        type_, _, name = coordinate.partition(".")
        by_type.setdefault(type_, set()).add(name)
    for name, captioned in by_type.items():
        found = whole[name]
        if isinstance(found, GraphQLEnumType):
            assert captioned == set(found.values), name
        else:
            assert isinstance(found, GraphQLObjectType)
            assert captioned <= set(found.fields), name
    assert len(types()) > len(by_type)


def test_plain_language_is_sentences_and_belongs_to_a_caption_or_an_enumeration() -> None:
    files = {
        each for each in ENGLISH.plain if each.partition(".")[0] in {"ComplaintStatus", "FloodAlert", "AirQuality"}
    }
    assert files <= ENGLISH.short.keys()
    for captions in (ENGLISH, INDONESIAN):
        assert all(captions.plain[each].endswith(".") for each in files)
    assert INDONESIAN.find("ComplaintStatus.WAITING") == "menunggu"
    assert INDONESIAN.find("CommandState.DONE", plain=True) == "Sudah diterima oleh instansi."
    assert ENGLISH.find("Sex.MALE", plain=True) == "male"
    assert ENGLISH.find("Sex.OTHER") is None

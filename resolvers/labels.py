"""Labels of the graph, in the language of the request."""

from __future__ import annotations

from collections.abc import Sequence

from engine.batch import NEVER_ABSENT, batch
from records.calls.answers import Answers
from records.captions.catalogue import load_captions
from records.labels import Label, LabelQuery
from records.languages import Language
from resolvers.batch_context import HubBatchContext


@batch(domain=None, depends_on_caller=True, absent=NEVER_ABSENT)
async def labels(queries: Sequence[LabelQuery], context: HubBatchContext) -> Answers[LabelQuery, Sequence[Label]]:
    """The captions of types, by coordinate."""
    return {each: _list_labels(each, each.language or context.call.language) for each in queries}


def _list_labels(query: LabelQuery, language: Language) -> Sequence[Label]:
    captions = load_captions(language)
    known = [each for each in captions.short if each.partition(".")[0] in query.types]
    return [
        Label(coordinate=each, text=captions.find(each, plain=query.plain) or "", language=language) for each in known
    ]

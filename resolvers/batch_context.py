"""What a batch of this hub is given: the engine's `BatchContext`, with the hub's own kind of caller."""

from __future__ import annotations

from typing import TypeAlias

from auth.caller import Caller
from engine import batch

HubBatchContext: TypeAlias = batch.BatchContext[Caller]

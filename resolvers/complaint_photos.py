"""Photos of a complaint that is submitted: what the hub checks before it accepts the complaint."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from records.complaints import NewComplaint
from records.hub.commands import CommandProblem, CommandProblemCode, NewCommand
from records.storable_texts import is_storable
from records.uploads import CommandFile, NewPhoto, PhotoUpload
from resolvers.batch_context import HubBatchContext
from resolvers.hub.photo_checks import PhotoChecks

MAX_PHOTOS: Final = 5
MAX_ALTERNATIVE_TEXT: Final = 300


def find_photo_problem(photos: Sequence[PhotoUpload]) -> CommandProblem | None:
    """What is wrong with photos before their bytes are read."""
    if len(photos) > MAX_PHOTOS:
        return CommandProblem(code=CommandProblemCode.TOO_MANY_VALUES, field="photos")
    for number, each in enumerate(photos):
        if not is_storable(each.alternative_text, MAX_ALTERNATIVE_TEXT):
            return CommandProblem(code=CommandProblemCode.INVALID_TEXT, field=f"photos.{number}.alternativeText")
    return None


async def check_photos(
    commands: Sequence[NewCommand], context: HubBatchContext
) -> Mapping[NewCommand, NewCommand | CommandProblem]:
    """Each command with its checked photos, or the first problem of one."""
    return {each: await _check(each, context) if each.uploads else each for each in commands}


async def _check(command: NewCommand, context: HubBatchContext) -> NewCommand | CommandProblem:
    complaint: NewComplaint = command.payload
    photos: list[NewPhoto] = []
    files: list[CommandFile] = []
    checks = context.agencies[PhotoChecks]
    found = await asyncio.gather(*(checks.check(each.file) for each in command.uploads))
    for number, (each, checked) in enumerate(zip(command.uploads, found, strict=True)):
        if isinstance(checked, CommandProblemCode):
            return CommandProblem(code=checked, field=f"photos.{number}.file")
        files.append(CommandFile(content=checked.content))
        photos.append(
            NewPhoto(
                digest=each.file.digest,
                alternative_text=each.alternative_text,
                width=checked.width,
                height=checked.height,
            )
        )
    payload = replace(complaint, photos=tuple(photos))
    return replace(command, payload=payload, uploads=(), files=tuple(files))

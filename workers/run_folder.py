"""The folder in which the processes of one hub tell each other how they are (`SIMPUL_RUN_FOLDER`)."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

_MARK = ".simpul-run"


class WrongFolder(Exception):  # noqa: N818 - names the condition
    """The folder cannot be used; the text names it and the mend."""


@contextlib.contextmanager
def run_folder(environment: Mapping[str, str]) -> Iterator[Path]:
    """The folder that `SIMPUL_RUN_FOLDER` names, or systemd's `RuntimeDirectory=`, or else one for this run alone.

    What an earlier run left in it is removed. Raises WrongFolder where something else lies there, which is nobody's to
    remove.
    """
    named = environment.get("SIMPUL_RUN_FOLDER") or environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if named:
        path = Path(named)
        _empty(path)
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="simpul-run-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def _empty(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        left = [each for each in path.iterdir() if each.name != _MARK]
        if left and not (path / _MARK).exists():
            raise WrongFolder(
                f"SIMPUL_RUN_FOLDER={path} holds something that is not the hub's ({left[0].name}): name an empty folder"
            )
        (path / _MARK).touch()
        for each in left:
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()
    except OSError as problem:
        raise WrongFolder(f"SIMPUL_RUN_FOLDER={path} cannot be used: {problem.strerror}") from None

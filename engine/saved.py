"""The files of a training: a damaged one is an error that names it, and a folder is for one training at a time."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redwood.errors import OptionError, RedwoodError

LOCK = "training.lock"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what a damaged file can raise into one error.

    Raises
    ------
    OptionError
        Where the file cannot be read, or holds something else.
    """
    try:
        yield
    except RedwoodError:
        raise
    except (
        *(OSError, EOFError, KeyError, IndexError, ValueError, TypeError, AttributeError, RuntimeError),
        *(pickle.UnpicklingError, struct.error, zipfile.BadZipFile, zlib.error, MemoryError),
    ) as error:
        cause = str(error).partition("\n")[0][:200]
        raise OptionError(
            f"{path} is damaged, or was written by another version ({type(error).__name__}: {cause}); delete it or give "
            "another folder."
        ) from error


def load_checkpoint(path: Path, device: Any = "cpu") -> dict[str, Any]:
    """Return what `torch.save` wrote: tensors and plain values, no code.

    Raises
    ------
    OptionError
        Where the file is damaged.
    """
    import torch

    with reading(path):
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(f"it holds a {type(state).__name__}, not a checkpoint")
        return state


@contextmanager
def only_training(folder: Path) -> Iterator[None]:
    """Keep a folder for one training at a time; its processes under ``torchrun`` count as one.

    Raises
    ------
    OptionError
        Where another training is at work in the folder.
    """
    from filelock import FileLock, Timeout

    if int(os.environ.get("RANK", "0")) > 0:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, blocking=False)
        lock.acquire()
    except Timeout:
        raise OptionError(f"another training is at work in {folder}; give another folder, or wait until it ends.") from None
    except OSError as error:
        raise OptionError(f"folder {folder} cannot be used for a training: {error}.") from error
    try:
        yield
    finally:
        lock.release()

"""The disk cache of compiled kernels: one that heals itself, and is done without where it cannot be used.

Numba's own cache fails for ever where one of its files is damaged, and falls back to a folder beside the source, which
notices no change in imported kernels. Here a damaged entry is deleted and compiled anew; a folder that cannot be used is
replaced by a private temporary one; and whatever goes wrong with saving costs one warning and no result.
"""

from __future__ import annotations

import glob
import hashlib
import logging
import os
import pickle
import stat
import tempfile
import threading
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, _Cache, _CacheLocator

from redwood.operating_system import user_number

logger = logging.getLogger(__name__)

CHECKSUM_BYTES = 16


class CacheWarning(RuntimeWarning):
    """Compiled kernels cannot be kept where they should be."""


class KernelCache(_Cache):  # type: ignore[misc]
    """The cache of one kernel, in a folder that is named by a digest of everything that the kernel's code depends on.

    Nothing touches the disk before the kernel is first called.
    """

    def __init__(self, function: Callable[..., Any], digest: str) -> None:
        self._function = function
        self._digest = digest
        self._files: Any = None
        self._enabled = True

    @property
    def cache_path(self) -> str | None:
        """The folder of the kernel's files, ``None`` where nothing is kept."""
        folder = usable_folder()
        return None if folder is None else str(folder / self._digest)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled kernel for a signature, or ``None``; a damaged entry is deleted."""
        files = self._opened()
        if files is None:
            return None
        try:
            return files.load_overload(sig, target_context)
        except Exception:
            logger.debug("a cache file of %s is damaged and is made anew", self._function, exc_info=True)
            files.forget()
            return None

    def save_overload(self, sig: Any, cres: Any) -> None:
        """Keep the compiled kernel for a signature, or warn where that is not possible."""
        files = self._opened()
        if files is None:
            return
        try:
            files.save_overload(sig, cres)
        except Exception as error:
            _warn_once(f"compiled kernels cannot be kept in {usable_folder()}: {error}. Other processes compile them again.")

    def enable(self) -> None:
        """Keep and load kernels, as at first."""
        self._enabled = True

    def disable(self) -> None:
        """Neither keep nor load kernels."""
        self._enabled = False

    def flush(self) -> None:
        """Forget what is kept."""
        files = self._opened()
        if files is not None:
            files.forget()

    def _opened(self) -> Any:
        path = self.cache_path if self._enabled else None
        if path is None:
            return None
        if self._files is None:
            self._files = _Files(self._function, path, self._digest)
        return self._files


class _Locator(_CacheLocator):  # type: ignore[misc]
    """Says where the files of a kernel are; unlike Numba's, it takes no folder that was not asked for."""

    def __init__(self, function: Callable[..., Any], path: str, digest: str) -> None:
        self._py_file = function.__code__.co_filename  # named in Numba's warnings
        self._line = function.__code__.co_firstlineno
        self._path, self._digest = path, digest

    def get_cache_path(self) -> str:
        return self._path

    def get_source_stamp(self) -> str:
        return self._digest

    def get_disambiguator(self) -> str:
        return str(self._line)


class _Results(CompileResultCacheImpl):  # type: ignore[misc]
    """Numba's way to serialise what it has compiled."""

    def __init__(self, function: Callable[..., Any], locator: _Locator) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = locator
        name = f"{Path(function.__code__.co_filename).stem}.{function.__qualname__}"
        self._filename_base = self.get_filename_base(name, "")


class _Files(FunctionCache):  # type: ignore[misc]
    """The index and the data files of a kernel."""

    def __init__(self, function: Callable[..., Any], path: str, digest: str) -> None:
        locator = _Locator(function, path, digest)
        self._name, self._py_func, self._cache_path = repr(function), function, path
        self._impl = _Results(function, locator)
        self._cache_file = _CheckedFile(path, self._impl.filename_base, digest)
        self.enable()

    def forget(self) -> None:
        """Delete the files as far as possible."""
        for file in Path(self._cache_path).glob(f"{glob.escape(self._impl.filename_base)}.*"):
            try:
                file.unlink()
            except OSError:
                logger.debug("cannot delete %s", file)


class _CheckedFile(IndexDataCacheFile):  # type: ignore[misc]
    """Files whose data begin with a checksum, since damaged machine code must not run."""

    def _save_data(self, name: str, data: Any) -> None:
        code = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(_checksum(code) + code)

    def _load_data(self, name: str) -> Any:
        content = Path(self._data_path(name)).read_bytes()
        checksum, code = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
        if checksum != _checksum(code):
            raise ValueError(f"the checksum of {name} is wrong.")
        return pickle.loads(code)


def _checksum(code: bytes) -> bytes:
    return hashlib.blake2b(code, digest_size=CHECKSUM_BYTES).digest()


def cache_folder() -> Path:
    """Return where compiled kernels should be kept: ``$REDWOOD_CACHE`` or the user's cache folder."""
    base = os.environ.get("REDWOOD_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "redwood")
    return Path(os.path.expanduser(base)) / "kernels"


@cache
def usable_folder() -> Path | None:
    """Return where compiled kernels are kept: `cache_folder`, a private temporary folder, or ``None`` for nowhere.

    A folder that can only be read serves too: it may have been filled beforehand.
    """
    wanted = cache_folder()
    problem = _unwritable(wanted)
    if problem is None or wanted.is_dir():
        return wanted
    spare = _private_folder()
    instead = f"{spare} is used instead" if spare else "every process compiles anew"
    _warn_once(f"compiled kernels cannot be kept in {wanted}: {problem}; {instead}. Set REDWOOD_CACHE to a writable folder.")
    return spare


def _unwritable(folder: Path) -> OSError | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error
    return None


def _private_folder() -> Path | None:
    """Return a temporary folder that only this user can write to: what lies in it is run."""
    owner = user_number()
    try:
        folder = Path(tempfile.gettempdir()) / ("redwood-kernels" if owner is None else f"redwood-kernels-{owner}")
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    mine = owner is None or (found.st_uid == owner and not found.st_mode & 0o077)
    return folder if stat.S_ISDIR(found.st_mode) and mine and _unwritable(folder) is None else None


def _warn_once(message: str) -> None:
    """Warn, but only the first time that anything goes wrong: a run would repeat it for a hundred kernels."""
    if _warned.acquire(blocking=False):
        warnings.warn(message, CacheWarning, stacklevel=3)


_warned = threading.Lock()

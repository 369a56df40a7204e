"""Compiled kernels: Numba with a disk cache that never serves stale code, and a small random generator.

Numba's own cache notices a change in the file of a function, but not in the files of the kernels that it calls. Here
the cache folder is named by a digest of the file *and* of every kernel that the function uses from other files. A function
without a file (``python -c``, a notebook's cell) is compiled anew in every process.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, overload

import numba
import numpy as np

from redwood.kernel_cache import KernelCache
from redwood.kernel_fields import FIELDS_FILE, FieldsCompiler

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
RandomState = np.ndarray[Any, np.dtype[np.uint64]]


@overload
def kernel(function: FunctionT) -> FunctionT: ...


@overload
def kernel(**options: Any) -> Callable[[FunctionT], FunctionT]: ...


def kernel(function: Any = None, **options: Any) -> Any:
    """Compile a function with Numba at its first call and keep the machine code on disk.

    Kernels of other files must be imported by name (``from module import kernel_name``), so that the cache sees them;
    options are those of `numba.njit`.
    """
    if function is None:
        return lambda decorated: kernel(decorated, **options)
    digest = _digest(function)
    compiled = numba.njit(pipeline_class=FieldsCompiler, **options)(function)
    if digest is not None:
        compiled._cache = KernelCache(function, digest)  # what Numba's own `cache=True` sets
    compiled.redwood_digest = digest
    return compiled


def _digest(function: Callable[..., Any]) -> str | None:
    """Return a digest of a function's file and of every kernel and constant that this file has imported so far.

    Not only of those that the function itself names: a kernel of the same file may pass them on. ``None`` where the function
    or an imported kernel has no file, as on standard input: then nobody can say whether kept machine code is fresh.
    """
    own = function.__globals__
    content = _file_digest(function.__code__.co_filename)
    if content is None:
        return None
    digest = hashlib.sha256(f"{content}{_file_digest(FIELDS_FILE)}".encode())  # how kernels hand tuples on
    for name, value in sorted(own.items(), key=lambda item: item[0]):
        if hasattr(value, "redwood_digest") and value.py_func.__globals__ is not own:
            if value.redwood_digest is None:
                return None
            digest.update(f"{name}={value.redwood_digest}".encode())
        elif isinstance(value, (int, float)):
            digest.update(f"{name}={value!r}".encode())
        elif isinstance(value, types.ModuleType) and value.__name__.startswith("redwood."):
            raise TypeError(
                f"kernel {function.__name__!r} stands in a file that imports module {value.__name__!r}; import by name."
            )
    return digest.hexdigest()[:16]


@cache
def _file_digest(path: str) -> str | None:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except (OSError, ValueError):  # defined in a notebook or a string
        return None


def random_state(rng: np.random.Generator) -> RandomState:
    """Return the state [2] of a generator for kernels, drawn from a NumPy generator."""
    return rng.integers(1, 2**63, size=2, dtype=np.int64).astype(np.uint64)


@kernel(inline="always")
def _rotate_left(value: np.uint64, bits: int) -> np.uint64:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@kernel
def random_bits(state: RandomState) -> np.uint64:
    """Return 64 random bits and advance the state (xoroshiro128+, Blackman and Vigna 2018, doi:10.1145/3460772)."""
    s0 = state[0]
    s1 = state[1]
    result = s0 + s1
    s1 ^= s0
    state[0] = _rotate_left(s0, 24) ^ s1 ^ (s1 << np.uint64(16))
    state[1] = _rotate_left(s1, 37)
    return np.uint64(result)


@kernel
def random_float(state: RandomState) -> float:
    """Return a float uniform on [0, 1)."""
    return (random_bits(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel
def random_below(state: RandomState, limit: int) -> int:
    """Return an integer uniform on 0..limit - 1."""
    return int(random_float(state) * limit)

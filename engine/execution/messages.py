"""What a solver's process tells its supervisor: typed messages of plain data, which decoding never executes.

Solutions travel as the mapping of their fields, arrays as typed buffers; the receiver's problem makes a solution of it.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec
import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError, SolverError
from redwood.problem import Problem, Solution

ARRAY = 1
"""Code of an array among the extension types of MessagePack."""

KINDS = "biuf"
"""Kinds of the arrays that travel as buffers: truth values, whole numbers and floating-point numbers."""

LONGEST_TEXT = 10_000
"""Characters of a text in a message; the rest is cut."""


Amount = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
"""Seconds or megabytes, as an honest process may tell them."""


class Ready(msgspec.Struct, tag=True, frozen=True):
    """Everything is loaded and compiled: the clock of the time limit starts now."""

    load_seconds: Amount
    compile_seconds: Amount


class Improved(msgspec.Struct, tag=True, frozen=True):
    """A better solution of the instance at a position."""

    position: int
    seconds: Amount
    objective: float
    solution: bytes


class Searched(msgspec.Struct, tag=True, frozen=True):
    """The search is over; what it came to follows."""

    seconds: Amount
    processor_seconds: Amount


class Ending(msgspec.Struct, frozen=True):
    """What a run came to, beside the solutions it has reported."""

    solution: bytes | None = None
    answered: bool = False
    answer_bound: float | None = None
    proven: bool = False
    message: str = ""
    bound: float | None = None
    stopped: str | None = None
    error: str = ""


class Finished(msgspec.Struct, tag=True, frozen=True):
    """The last message of a run of a solver, with an ending for each instance."""

    endings: list[Ending]
    peak_mb: Amount


class Bounded(msgspec.Struct, tag=True, frozen=True):
    """The last message of a bound."""

    value: float
    method: str
    peak_mb: Amount


class Refused(msgspec.Struct, tag=True, frozen=True):
    """The last message where nothing was run: the error in words and, where the caller was wrong, the name of its type."""

    message: str
    usage: str = ""


Message = Ready | Improved | Searched | Finished | Bounded | Refused
"""Whatever may come through a channel."""


def encode(message: Message) -> bytes:
    """Return the bytes of a message."""
    return msgspec.msgpack.encode(message)


def decode(data: bytes) -> Message:
    """Return the message that bytes hold.

    Raises
    ------
    SolverError
        Where they hold none.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise SolverError(f"a message of the solver's process cannot be read: {error}") from error


def pack_solution(solution: Solution) -> bytes:
    """Return a solution as bytes.

    Raises
    ------
    SolverError
        Where a field holds something else than arrays, numbers, texts, and lists and mappings of them.
    """
    try:
        return msgspec.msgpack.encode(solution.to_data(), enc_hook=_as_plain)
    except Exception as error:
        raise SolverError(f"the {type(solution).__name__} cannot be sent: {error_text(error)}") from error


def unpack_solution(problem: Problem[Any, Any], data: bytes) -> Solution:
    """Return the solution that the problem makes of what `pack_solution` wrote.

    Raises
    ------
    SolutionError
        Where the problem can make none of it.
    """
    try:
        fields = msgspec.msgpack.decode(data, ext_hook=_from_extension)
        if not isinstance(fields, dict):
            raise SolutionError(f"it is a {type(fields).__name__} and not a mapping of fields.")
        return cast(Solution, problem.solution(fields))
    except Exception as error:  # whatever a problem stumbles over in the data of a child
        raise SolutionError(f"the solution cannot be read: {error_text(error)}") from error


def error_text(error: BaseException) -> str:
    """Return an error in words, whatever its own ``__str__`` does."""
    try:
        text = str(error)
    except BaseException:
        text = "(it cannot say what it is)"
    return f"{type(error).__name__}: {text}"[:LONGEST_TEXT]


def _as_plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in KINDS:
        head = msgspec.msgpack.encode((value.dtype.str, value.shape))
        return msgspec.msgpack.Ext(ARRAY, len(head).to_bytes(4, "big") + head + np.ascontiguousarray(value).tobytes())
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} is no plain data.")


def _from_extension(code: int, data: memoryview) -> Array:
    if code != ARRAY:
        raise ValueError(f"extension type {code} is unknown.")
    begin = 4 + int.from_bytes(data[:4], "big")
    name, shape = msgspec.msgpack.decode(data[4:begin], type=tuple[str, tuple[int, ...]])
    dtype = np.dtype(name)
    if dtype.kind not in KINDS:
        raise ValueError(f"arrays of type {name!r} are not taken.")
    return np.frombuffer(bytes(data[begin:]), dtype).reshape(shape).copy()


_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)

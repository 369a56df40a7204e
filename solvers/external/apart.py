"""Calls into libraries that can neither report nor keep a limit, in a process of their own.

A crash of the library, or a call that does not return, costs that process and nothing else; what it prints is dropped.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from redwood.errors import SolverError
from redwood.execution.channel import Receiver, Sender

GRACE = 0.2
"""Seconds past the deadline after which the process is killed."""

Send = Callable[[Any], None]


def call_apart(target: str, deadline: float, **arguments: Any) -> Generator[Any, None, None]:
    """Yield what ``function(send, deadline=..., **arguments)`` sends from a process of its own, until it is done.

    The process is gone when the iterator ends or is closed. It is killed `GRACE` after the deadline, and the iterator ends.

    Parameters
    ----------
    target
        The function, as ``module:name``. What it sends must be fit for JSON.
    deadline
        On the clock `time.monotonic`, infinite for none.
    **arguments
        Handed to the function, pickled.

    Raises
    ------
    SolverError
        Where the process dies, or the function raises.
    """
    code = f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {__name__} import serve; serve()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", code, json.dumps(sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    if child.stdin is None or child.stdout is None:
        raise SolverError("the library's process has no pipes.")
    secret = secrets.token_bytes(16)
    request = pickle.dumps((secret, target, {"deadline": deadline, **arguments}))
    receiver = Receiver(os.dup(child.stdout.fileno()), secret)
    try:
        with contextlib.suppress(BrokenPipeError):  # it died at once, which is told below
            child.stdin.write(len(request).to_bytes(8, "big") + request)
            child.stdin.flush()  # and left open: that it closes tells the child that we are gone
        yield from _messages(child, receiver, deadline)
    finally:
        child.kill()
        child.wait()
        receiver.close()
        child.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


def _messages(child: subprocess.Popen[bytes], receiver: Receiver, deadline: float) -> Iterator[Any]:
    while (left := deadline + GRACE - time.monotonic()) > 0:
        try:
            received = [json.loads(message) for message in receiver.receive(min(left, 0.5))]
        except EOFError:
            code = child.wait()
            cause = f"died of signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise SolverError(f"the library's process {cause} without an answer.") from None
        except ValueError:
            raise SolverError("the library's process sent what is no JSON.") from None
        for message in received:
            if "error" in message:
                raise SolverError(str(message["error"])[:500])
            if "done" in message:
                return
            yield message["sent"]


def serve() -> None:
    """Be the child: read the call from standard input, make it, and send messages through what was standard output."""
    reports = os.dup(1)
    os.dup2(2, 1)  # the library's prints take the way of its errors
    secret, target, arguments = pickle.loads(_read(int.from_bytes(_read(8), "big")))
    sender = Sender(reports, secret)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        module, _, name = target.partition(":")
        __import__(module)
        function = getattr(sys.modules[module], name)
        function(lambda value: sender.send(json.dumps({"sent": value}).encode()), **arguments)
    except Exception as error:
        sender.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
    else:
        sender.send(json.dumps({"done": True}).encode())


def _read(size: int) -> bytes:
    return sys.stdin.buffer.read(size)


def _die_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)

"""What torch is told inside Redwood's own networks, whatever the user has told it outside.

Redwood's networks state their dtypes themselves; the default dtype, which all threads share, is not touched.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


class _Threads:
    """Torch's number of threads while runs are under way; the last run to end restores what the first one found."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        self._before = 1
        self._single = False
        self.forks_are_clean = False

    def forked(self) -> None:
        """Begin anew in a forked process, with one thread from now on where torch may have left others in the parent.

        Torch waits for ever for the threads of its pool, which a fork does not copy.
        """
        self._lock, self._runs = threading.Lock(), 0
        self._single = self._single or ("torch" in sys.modules and not self.forks_are_clean)

    def begin(self, count: int) -> None:
        """Let torch use so many threads; one in a fork of a process that had loaded torch."""
        import torch

        count = 1 if self._single else count
        with self._lock:
            if self._runs == 0:
                self._before = torch.get_num_threads()
            self._runs += 1
            torch.set_num_threads(count)

    def end(self) -> None:
        """Restore the number, unless another run is under way."""
        import torch

        with self._lock:
            self._runs -= 1
            if self._runs == 0:
                torch.set_num_threads(self._before)


_THREADS = _Threads()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_THREADS.forked)


def promise_clean_forks(clean: bool = True) -> None:
    """Say that this process runs nothing in torch itself, so that torch may use several threads in what it forks."""
    _THREADS.forks_are_clean = clean


@contextmanager
def torch_settings(threads: int | None = None) -> Iterator[None]:
    """Let torch make tensors on the CPU, with gradients where asked for, outside inference mode and autocast.

    With ``threads`` it uses so many threads of the CPU inside; with one it starts none, so that a fork afterwards is safe.
    """
    import torch

    with ExitStack() as stack:
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if threads is not None:
            _THREADS.begin(threads)
            stack.callback(_THREADS.end)
        yield

"""The `redwood` command, also as ``python -m redwood``."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command line on the arguments of this process and return the exit code."""
    from redwood.cli.root import root

    _end_as_by_ctrl_c()
    try:
        root(prog_name="redwood")
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    return 0


def _end_as_by_ctrl_c() -> None:
    """Let TERM and HUP end a search as Ctrl-C does, which keeps the best so far, unless they are ignored (nohup)."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is signal.SIG_DFL:
            signal.signal(getattr(signal, name), signal.default_int_handler)


if __name__ == "__main__":
    sys.exit(main())

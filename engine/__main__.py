"""The `redwood` command, also as ``python -m redwood``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line on the arguments of this process and return the exit code."""
    from redwood.cli.root import root

    try:
        root(prog_name="redwood")
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    return 0


if __name__ == "__main__":
    sys.exit(main())

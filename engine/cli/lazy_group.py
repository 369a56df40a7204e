"""A click group whose commands are imported when they are called, so that ``--help`` stays quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from redwood.errors import suggestion
from redwood.lazy import load_target


@dataclass(frozen=True)
class LazyCommand:
    """Where a command lives (``"package.module:name"``) and the line that the group's help shows for it."""

    target: str
    summary: str


class LazyGroup(click.Group):
    """A group that knows its commands by name and summary only."""

    def __init__(self, *args: Any, commands_by_name: Mapping[str, LazyCommand], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.commands_by_name = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order in which they were given."""
        return list(self.commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now, or ``None`` where there is none of the name."""
        if cmd_name not in self.commands_by_name:
            return None
        command = load_target(self.commands_by_name[cmd_name].target)
        return command if isinstance(command, click.Command) else None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name; an unknown one is wrong use, with the closest name."""
        if args and args[0] not in self.commands_by_name and not args[0].startswith("-"):
            ctx.fail(f"no command is named {args[0]!r}.{suggestion(args[0], self.commands_by_name)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in self.commands_by_name.items()])

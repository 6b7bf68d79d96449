"""Command line in, exit status out: the only package that prints, exits or reads the environment."""

from __future__ import annotations

import gc
import sys
from difflib import get_close_matches
from importlib import import_module
from traceback import print_exception

import click

from reslint.cli.output.streams import reopen, speaking
from reslint.errors import BadConfiguration, ReslintError
from reslint.report.common.plain import plain
from reslint.version import __version__

COMMANDS = ("check", "anatomy", "run", "export", "flow", "diff", "fleet", "explain", "rules", "init")
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class LazyCommands(click.Group):
    """A group that imports a command's module when the command is asked for; the modules import onnx only when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is asked for; a name that is none is answered with the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; the commands are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command is called {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with the whole first sentence of each one's help."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(name, (one.help or "").split("\n\n")[0]) for name, one in found if one])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"reslint.cli.commands.{cmd_name}"), "command", None)
        return command if isinstance(command, click.Command) else None


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reslint")
def reslint() -> None:
    """Lint the residual connections of ONNX models."""


def main() -> None:
    """Run the command line and exit: 0 nothing found, 1 findings, 2 something could not be looked at."""
    reopen()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal in ASCII is no reason to crash
    gc.disable()  # a net of a million objects would be searched for cycles again and again, and holds none
    try:
        status = _run()
    except ReslintError as error:
        for line in error.lines if isinstance(error, BadConfiguration) else (str(error),):
            click.echo(f"error: {plain(line)}", err=True)
        status = 2
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except click.Abort:  # what click makes of Ctrl-C
        status = INTERRUPTED
    except Exception as bug:  # a bug is no finding: its traceback, and the status of what could not be looked at
        print_exception(bug)
        status = 2
    gc.freeze()  # or the interpreter searches it all once more before it ends: 7 percent of the time of most runs
    sys.exit(status)


def _run() -> int:
    """The exit status of what was asked for; click writes help and version itself."""
    try:
        status: int = reslint.main(prog_name="reslint", standalone_mode=False)
    except OSError:
        with speaking():  # nothing can be said on standard output, or else this is a bug
            sys.stdout.write("\n")
        raise
    return status

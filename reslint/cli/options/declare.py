"""A field declares an option: its name is the option's name, its type what the option takes, its default the default.

`max_ratio: Annotated[float | None, Option("How much slower ...")] = None` is `--max-ratio FLOAT`. A tuple is an option that
may be repeated, a bool a flag, a Literal a choice. No option can reach the wrong field, since nothing names it twice.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from pathlib import Path
from types import NoneType
from typing import Annotated, ClassVar, Literal, Self, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import click

Parse: TypeAlias = "click.ParamType[object] | Callable[[str], object]"
Completion = Callable[[click.Context, click.Parameter, str], list[str]]


@dataclass(frozen=True, slots=True)
class Option:
    """What the name, the type and the default of an option do not say.

    `short` is a second name of one letter. `type` narrows what the field's type allows: a range, a file that must exist.
    `listed` splits values at commas. A field without a default is an option that must be given.
    """

    help: str = ""
    short: str = ""
    metavar: str | None = None
    type: Parse | None = None
    listed: bool = False
    complete: Completion | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """A field that is no option, but stands on the command line by itself."""

    metavar: str
    complete: Completion | None = None


FORMAT = Option("The format of the result.")
"""Each command has formats of its own."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a user asked a command for. Not slotted: a command's options are put together from several classes.

    The options of each class stand under its `heading` in the help.
    """

    heading: ClassVar[str] = "Options"

    def ready(self) -> Self:
        """The same, checked, and completed by what the configuration says. Raises click.UsageError."""
        return self


A = TypeVar("A", bound=Asked)


def command(name: str, kind: type[A]) -> Callable[[Callable[[A], int]], click.Command]:
    """Make a function of a command's options a command; its docstring is the help."""

    def made(run: Callable[[A], int]) -> click.Command:
        @wraps(run)
        def taken(**values: object) -> int:
            return run(asked_for(kind, values).ready())

        return click.command(name, cls=Grouped, params=list(parameters(kind)))(taken)

    return made


class Headed(click.Option):
    """An option that knows under which heading it stands."""

    heading = "Options"


class Grouped(click.Command):
    """A command whose help has its options in groups, those of the command itself first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        own: list[click.Option] = []
        others: list[click.Option] = []
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option):
                (own if isinstance(parameter, Headed) else others).append(parameter)
        for option in (*own, *others):
            row = option.get_help_record(ctx)
            if row is not None:
                groups.setdefault(option.heading if isinstance(option, Headed) else "Help", []).append(row)
        for heading, rows in groups.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def asked_for(kind: Callable[..., A], values: Mapping[str, object]) -> A:
    """The value that holds what click parsed, each under the name of its field."""
    return kind(**values)


def parameters(kind: type[Asked]) -> Iterator[click.Parameter]:
    """The options that a class declares, then those of its bases, in the order in which they stand."""
    hints = get_type_hints(kind, include_extras=True)
    defaults = {field.name: field.default for field in fields(kind)}
    headings: dict[str, str] = {}
    for cls in kind.__mro__:
        for name in inspect.get_annotations(cls):
            headings.setdefault(name, vars(cls).get("heading", "Options"))
    for name, heading in headings.items():
        hint = hints[name]
        if get_origin(hint) is Annotated:
            what, told = get_args(hint)[:2]
            if isinstance(told, Argument):
                repeated = get_origin(what) is tuple
                yield click.Argument(
                    [name],
                    nargs=-1 if repeated else 1,
                    required=not repeated,
                    metavar=told.metavar,
                    shell_complete=told.complete,
                )
            elif isinstance(told, Option):
                yield _option(name, what, defaults[name], told, heading)


def _option(name: str, what: object, default: object, told: Option, heading: str) -> click.Option:
    repeated = get_origin(what) is tuple
    short = (f"-{told.short}",) if told.short else ()
    made = Headed(
        [name, f"--{name.rstrip('_').replace('_', '-')}", *short],
        type=None if what is bool else told.type or _type(get_args(what)[0] if repeated else what),
        is_flag=what is bool,
        multiple=repeated,
        required=default is MISSING,
        default=None if default is MISSING else default,
        show_default=not _silent(default),
        help=told.help or None,
        metavar=told.metavar,
        callback=_split if told.listed else None,
        shell_complete=told.complete,
    )
    made.heading = heading
    return made


def _silent(default: object) -> bool:
    """Whether a default says nothing to a reader; 0 says something."""
    return default is MISSING or default is None or default is False or default in ("", ())


def _type(what: object) -> Parse:
    """What makes a value of the type out of text; `X | None` is X that may be left out."""
    what = (
        next((inner for inner in get_args(what) if inner is not NoneType), what) if NoneType in get_args(what) else what
    )
    if get_origin(what) is Literal:
        return click.Choice([str(choice) for choice in get_args(what)])
    if what is Path:
        return click.Path(path_type=Path)
    if what is str or what is int or what is float:
        return what
    raise TypeError(f"an option can't be {what}: say how it is parsed, by `type`")


def _split(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())

"""Each option of each command reaches the field of its name, as a value of the field's type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass, fields
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import click
import pytest

from reslint.cli import COMMANDS
from reslint.cli.options.check import CheckOptions
from reslint.cli.options.declare import Asked, Option, asked_for, parameters
from reslint.cli.options.diff import DiffOptions
from reslint.cli.options.run import RunOptions
from reslint.settings import Factory

WITHOUT_OPTIONS = {"init"}


def commands() -> Iterator[tuple[click.Command, type[Asked]]]:
    """Each command with the class of its options, which the first parameter of its function is."""
    for name in COMMANDS:
        made = import_module(f"reslint.cli.commands.{name}").command
        if name not in WITHOUT_OPTIONS:
            yield made, get_type_hints(made.callback)["options"]


OPTIONS = [
    pytest.param(made, kind, option, id=f"{made.name} {option.opts[-1]}")
    for made, kind in commands()
    for option in made.params
    if isinstance(option, click.Option)
]


def given(option: click.Option, folder: Path) -> tuple[str, ...]:
    """What a user may write, always something else than the default."""
    if option.is_flag:
        return ()
    kind = option.type
    if isinstance(kind, click.Choice):
        return (str(next(choice for choice in reversed(kind.choices) if choice != option.default)),)
    if isinstance(kind, click.IntRange | click.FloatRange):
        return ("23",)
    if kind is click.INT or kind is click.FLOAT:
        return ("7",)
    file = folder / "a-file"
    file.touch()
    return (f"json={file}",) if option.metavar == "FORMAT=FILE" else (str(file),)


def parsed(made: click.Command, kind: type[Asked], *words: str) -> Asked:
    needed = [str(Path(__file__)) for p in made.params if isinstance(p, click.Argument) and p.required]
    output = ["-o", "needed.onnx"] if made.name == "export" and not {"-o", "--output"} & {*words} else []
    return asked_for(kind, made.make_context(None, [*needed, *output, *words]).params)


def fits(value: object, what: object) -> bool:
    """Whether a value is of an annotated type."""
    if get_origin(what) is Annotated:
        return fits(value, get_args(what)[0])
    if get_origin(what) is Literal:
        return value in get_args(what)
    if get_origin(what) is tuple:
        inner = [kind for kind in get_args(what) if kind is not Ellipsis]
        repeated = Ellipsis in get_args(what)
        return isinstance(value, tuple) and all(
            fits(item, kind)
            for item, kind in zip(value, inner * len(value) if repeated else inner, strict=not repeated)
        )
    if isinstance(what, UnionType) or get_args(what):
        return any(fits(value, kind) for kind in get_args(what))
    return value is None if what is NoneType else isinstance(what, type) and type(value) in (what, type(Path()))


@pytest.mark.parametrize(("made", "kind", "option"), OPTIONS)
def test_an_option_lands_in_the_field_of_its_name(
    made: click.Command, kind: type[Asked], option: click.Option, tmp_path: Path
) -> None:
    long = next(name for name in option.opts if name.startswith("--"))
    before, after = parsed(made, kind), parsed(made, kind, long, *given(option, tmp_path))
    changed = {f.name for f in fields(kind) if getattr(before, f.name) != getattr(after, f.name)}
    assert changed == {long.removeprefix("--").replace("-", "_")} or (long, changed) == ("--as", {"as_"})
    hints = get_type_hints(kind, include_extras=True)
    for value in (before, after):
        assert all(fits(getattr(value, field.name), hints[field.name]) for field in fields(kind))


@pytest.mark.parametrize(("made", "kind"), [pytest.param(*one, id=one[0].name) for one in commands()])
def test_options_are_declared_once_and_explained(made: click.Command, kind: type[Asked]) -> None:
    names = [name for option in made.params if isinstance(option, click.Option) for name in option.opts]
    assert len(names) == len(set(names))
    declared = {f.name for f in fields(kind)} - {"configuration"}
    assert {parameter.name for parameter in made.params} == declared
    for option in made.params:
        assert isinstance(option, click.Argument) or (option.help and option.help.endswith("."))


def test_what_a_user_writes_is_what_the_command_gets() -> None:
    """By hand, so that no mistake of the declarations is repeated here."""
    words = [
        "old.onnx",
        "new.onnx",
        "--fail-on-lost-shortcut",
        "--format",
        "json",
        "--color",
        "never",
        "-q",
        "--opset",
        "18",
        "--fake",
    ]
    context = import_module("reslint.cli.commands.diff").command.make_context("diff", words)
    asked = asked_for(DiffOptions, context.params)
    assert (asked.old, asked.new, asked.format, asked.color) == ("old.onnx", "new.onnx", "json", "never")
    assert (asked.fail_on_lost_shortcut, asked.quiet, asked.output) == (True, True, None)
    assert asked.factory() == Factory("", fake=True, opset=18)
    words = [
        "--as",
        "bfloat16",
        "--round",
        "--dim",
        "a=1",
        "--dim",
        "b=2",
        "--rtol",
        "0.5",
        "--runs",
        "20",
        "--timeout",
        "3",
        "m.onnx",
    ]
    run = asked_for(RunOptions, import_module("reslint.cli.commands.run").command.make_context("run", words).params)
    assert (run.as_, run.round, run.dim, run.rtol, run.atol) == ("bfloat16", True, ("a=1", "b=2"), 0.5, None)
    assert (run.runs, run.timeout, run.paths, run.time) == (20, 3.0, ("m.onnx",), False)


def test_options_are_named_and_frozen() -> None:
    with pytest.raises(TypeError, match="positional"):
        CheckOptions(("a.onnx",))  # type: ignore[call-arg]
    with pytest.raises(FrozenInstanceError):
        CheckOptions().fix = True  # type: ignore[misc]


@dataclass(frozen=True, kw_only=True)
class Odd(Asked):
    odd: Annotated[complex, Option("No text is one.")] = 0j


def test_a_type_that_nothing_parses_is_refused() -> None:
    with pytest.raises(TypeError, match="say how it is parsed"):
        tuple(parameters(Odd))

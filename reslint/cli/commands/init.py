"""`reslint init`: a commented configuration and the pre-commit entry written, and what was done out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

from reslint.cli.actions import hook
from reslint.cli.output.streams import emit
from reslint.errors import BadConfiguration
from reslint.report.common.plain import counted, plain

TEMPLATE = Path(__file__).with_name("template.toml")
HEADER = "[tool.reslint]"
NEWLINE = "\n"


@click.command("init")
def command() -> int:
    """Write a commented configuration and the entry of a pre-commit hook.

    The configuration goes to pyproject.toml where there is one, else to reslint.toml, at the top of the git repository.
    Existing settings and hooks stay unchanged.
    """
    top = next((folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / ".git").exists()), None)
    folder = top or Path.cwd()
    said = (_configured(folder), *_hooked(top), *_next(folder))
    emit("".join(f"{line}\n" for line in said), None)
    return 0


def _configured(folder: Path) -> str:
    """The configuration of a folder, written unless there is one."""
    own, shared = folder / "reslint.toml", folder / "pyproject.toml"
    text = TEMPLATE.read_text("utf-8")
    if own.exists():
        return f"{own.name}: exists already and stays unchanged"
    if not shared.exists():
        _write(own, text, "x")
        return f"{own.name}: written, with all settings as comments"
    there = _read(shared)
    tool = _toml(there, shared).get("tool")
    if isinstance(tool, dict) and "reslint" in tool:
        return f"{shared.name}: has {HEADER} already and stays unchanged"
    added = f"{'' if there.endswith(NEWLINE) else NEWLINE}{NEWLINE}{HEADER}{NEWLINE}{text}"
    added = added.replace(NEWLINE, "\r\n") if "\r\n" in there else added
    _toml(there + added, shared)
    _write(shared, added, "a")
    return f"{shared.name}: {HEADER} added, with all settings as comments"


def _hooked(top: Path | None) -> Iterator[str]:
    """The hook of a repository, added unless there is one."""
    if top is None:
        yield "no pre-commit hook: there is no git repository here"
        return
    file = top / ".pre-commit-config.yaml"
    if not file.exists():
        _write(file, hook.FRESH, "x")
        yield f"{file.name}: written, with the hook reslint; `pre-commit install` turns it on"
        return
    there = _read(file)
    if hook.has_hook(there):
        yield f"{file.name}: has the hook already and stays unchanged"
        return
    changed = hook.with_hook(there)
    if changed is None:
        yield f"{file.name}: has no list of repositories to add to; add this by hand:"
        yield hook.entry()
        return
    _write(file, changed, "w")
    yield f"{file.name}: the hook reslint added"


def _next(folder: Path) -> Iterator[str]:
    """What there is to check, and how to begin."""
    from reslint.cli.inputs.paths import Wanted, models
    from reslint.config import Config

    shown = plain(str(folder)) if folder != Path.cwd() else "."
    found = models([str(folder)], Wanted(Config(folder=folder)))
    count = sum(missing is None for missing in found.values())
    yield f"{counted(count, 'model')} found; to check them: reslint check {shown}"
    if count:
        yield f"To accept today's findings: reslint check --write-baseline known.json {shown}"


def _toml(text: str, file: Path) -> dict[str, object]:
    """What a TOML file holds, or would hold."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(f"{file}: is not valid TOML, so nothing can be added: {error}") from error


def _read(file: Path) -> str:
    """The text with its line endings."""
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{file}: can't be read: {error}") from error


def _write(file: Path, text: str, mode: str) -> None:
    try:
        with open(file, mode, encoding="utf-8", newline="") as opened:
            opened.write(text)
    except OSError as error:
        raise BadConfiguration(f"{file}: can't be written: {error.strerror or error}") from error

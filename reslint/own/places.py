"""Where own rules come from, and from which files they are made; found without importing them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

GROUP = "reslint.rules"
_CODE = (".py", ".md")


@dataclass(frozen=True, slots=True)
class Home:
    """A module that holds rules, or one attribute of it, and who names it. `folder` is where its import starts, if anywhere."""

    module: str
    attribute: str
    said: str
    folder: str = ""

    @property
    def name(self) -> str:
        """The module, or the attribute, as it was named."""
        return f"{self.module}:{self.attribute}" if self.attribute else self.module


def homes(modules: Sequence[str], folder: Path, file: Path) -> tuple[Home, ...]:
    """The modules that a configuration names, then those of the packages that are installed."""
    named = (Home(module, "", f"{file}: rules: {module}", str(folder.absolute())) for module in modules)
    return (*named, *_installed(tuple(sys.path)))


@lru_cache
def sources(homes: tuple[Home, ...]) -> tuple[str, ...]:
    """The files that the rules of these homes may be made from: code and pages of the whole package, or beside the module."""
    return tuple(sorted({file for home in homes for file in _sources(home)}))


def located(home: Home) -> Path | None:
    """The file that an import of a module would read, None where there is none."""
    inner = Path(*home.module.split("."))
    for folder in (*((home.folder,) if home.folder else ()), *sys.path):
        for file in (inner / "__init__.py", inner.with_suffix(".py")):
            if (Path(folder) / file).is_file():
                return Path(folder) / file
    return None


def _sources(home: Home) -> Iterator[str]:
    file = located(home)
    if file is None:
        return
    depth = home.module.count(".") + (file.name == "__init__.py")
    if depth:
        for folder, _, names in os.walk(file.parents[depth - 1]):
            yield from (os.path.join(folder, name) for name in names if name.endswith(_CODE))
    else:
        yield from (str(beside) for beside in file.parent.iterdir() if beside.suffix in _CODE)


@lru_cache
def _installed(path: tuple[str, ...]) -> tuple[Home, ...]:
    """What the entry points of installed packages name, by the first package of each name.

    importlib.metadata does the same, but importing it costs more than all else that a remembered answer needs.
    """
    found: dict[str, str] = {}
    for folder in path:
        try:
            entries = sorted(
                entry.path for entry in os.scandir(folder or ".") if entry.name.endswith((".dist-info", ".egg-info"))
            )
        except OSError:
            continue
        for entry in entries:
            try:
                with open(os.path.join(entry, "entry_points.txt"), encoding="utf-8") as file:
                    text = file.read()
            except (OSError, UnicodeDecodeError):
                continue
            if GROUP in text:
                found.setdefault(os.path.basename(entry).partition("-")[0], text)
    return tuple(home for package, text in found.items() for home in _entries(package, text))


def _entries(package: str, text: str) -> Iterator[Home]:
    from configparser import ConfigParser, Error  # few environments have such a package

    parser = ConfigParser(delimiters=("=",), interpolation=None)
    try:
        parser.read_string(text)
    except Error:
        return
    for name, value in parser.items(GROUP) if parser.has_section(GROUP) else ():
        module, _, attribute = value.partition("[")[0].strip().partition(":")
        yield Home(module.strip(), attribute.strip(), f"the package {package}: {GROUP}: {name}")

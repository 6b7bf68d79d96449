"""Own rules are imported, and each is held to what reslint's rules are held to: what is wrong is one line, never silence."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from reslint.config import Config
from reslint.errors import BadConfiguration
from reslint.finding import Confidence, Severity
from reslint.own.guard import guarded
from reslint.own.options import built
from reslint.own.places import Home, homes, located
from reslint.rules import ALL, Rule

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SUBJECTS = {rule.subject for rule in ALL}


def own_rules(config: Config) -> tuple[Rule, ...]:
    """The rules beside reslint's, as a configuration sees them. Raises BadConfiguration for what is no sound rule."""
    found = _loaded(homes(config.rules, config.folder, config.file))
    made = dict(built(found, config))
    return tuple(guarded(rule, made.get(rule.name)) for rule in found)


@lru_cache
def _loaded(places: tuple[Home, ...]) -> tuple[Rule, ...]:
    known = {rule.name: "reslint" for rule in ALL}
    families = {rule.family for rule in ALL}
    found: dict[int, Rule] = {}
    for home in places:
        module = _imported(home)
        for rule in _rules(home, module):
            if id(rule) in found:  # named twice, or imported by another module
                continue
            _refuse(home, rule, known, families)
            known[rule.name] = home.name
            found[id(rule)] = replace(rule, origin=home.name, page=_page(rule, module))
    return tuple(found.values())


def _imported(home: Home) -> ModuleType:
    """The module of a home. A folder that the configuration lies in goes before all others while it is imported."""
    if home.folder:
        sys.path.insert(0, home.folder)
    try:
        module = import_module(home.module)
    except ModuleNotFoundError as error:
        if error.name and f"{home.module}.".startswith(f"{error.name}."):
            seen = f", seen from {home.folder}" if home.folder else ""
            raise BadConfiguration(f"{home.said}: no module is called {error.name!r}{seen}") from error
        raise _broken(home, error) from error
    except (Exception, SystemExit) as error:  # whatever the user's code does at its import
        raise _broken(home, error) from error
    finally:
        if home.folder:
            sys.path.remove(home.folder)
            sys.path.extend([home.folder] if home.folder not in sys.path else [])  # for what a rule imports later
    file, wanted = getattr(module, "__file__", None), located(home)
    if isinstance(file, str) and wanted and Path(file).resolve() != wanted.resolve():
        raise BadConfiguration(f"{home.said}: another module of this name was imported already, from {file}")
    return module


def _broken(home: Home, error: BaseException) -> BadConfiguration:
    frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    at = f" ({frames[-1].filename}:{frames[-1].lineno})" if len(frames) > 1 else ""
    return BadConfiguration(f"{home.said}: can't be imported: {type(error).__name__}: {error}{at}")


def _rules(home: Home, module: ModuleType) -> Iterator[Rule]:
    """The rules of a module, in the order in which they are defined, or those that its attribute is."""
    if home.attribute:
        if not hasattr(module, home.attribute):
            raise BadConfiguration(f"{home.said}: {home.module} has no {home.attribute!r}")
        given: object = getattr(module, home.attribute)
        several = given if isinstance(given, list | tuple) else (given,)
        for one in several:
            if not isinstance(one, Rule):
                raise BadConfiguration(
                    f"{home.said}: {home.name} is a {type(one).__name__}, not a rule: decorate it with reslint.rules.rule"
                )
            yield one
        return
    ours = {id(rule) for rule in ALL}
    found = [value for value in vars(module).values() if isinstance(value, Rule) and id(value) not in ours]
    if not found:
        raise BadConfiguration(f"{home.said}: has no rule: decorate a generator with reslint.rules.rule")
    yield from found


def _refuse(home: Home, rule: Rule, known: Mapping[str, str], families: Iterable[str]) -> None:
    """Raise BadConfiguration for a rule that could not be selected, could not be told, or would never be asked."""
    for what, text in (("name", rule.name), ("family", rule.family)):
        if not isinstance(text, str) or not _SLUG.fullmatch(text):
            raise BadConfiguration(
                f"{home.said}: the {what} {text!r} must be lowercase words joined by dashes, such as wide-branch"
            )
    said = f"{home.said}: {rule.name}"
    if rule.name in known:
        raise BadConfiguration(f"{said}: {known[rule.name]} already has a rule of this name")
    if rule.name in families or rule.family in known:
        raise BadConfiguration(
            f"{said}: a rule and a family can't share a name, since --select could not tell them apart"
        )
    if not isinstance(rule.severity, Severity) or not isinstance(rule.confidence, Confidence):
        raise BadConfiguration(f"{said}: needs a reslint.Severity, then a reslint.Confidence")
    if not rule.summary:
        raise BadConfiguration(f"{said}: needs a docstring, whose first line says what it finds")
    if rule.subject not in _SUBJECTS:
        kinds = ", ".join(sorted(subject.__name__ for subject in _SUBJECTS))
        raise BadConfiguration(f"{said}: judges {rule.subject!r}, which no command provides; the subjects are {kinds}")


def _page(rule: Rule, module: ModuleType) -> str:
    """The page beside the module, else the whole docstring."""
    file = getattr(module, "__file__", None)
    page = Path(file).with_name(f"{rule.name}.md") if isinstance(file, str) else None
    if page is not None and page.is_file():
        return page.read_text("utf-8", "replace")
    return f"# {rule.name}\n\n{inspect.getdoc(rule.check) or rule.summary}\n"


def named(rules: Sequence[Rule], name: str) -> Rule | None:
    """The rule of a name."""
    return next((rule for rule in rules if rule.name == name), None)

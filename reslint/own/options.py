"""The options of own rules: [tool.reslint.options.<rule>] fills the dataclass that the rule names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from typing import get_args, get_origin, get_type_hints

from reslint.config import Config
from reslint.errors import BadConfiguration
from reslint.rules import ALL, Rule

_PLAIN = (bool, int, float, str)


def built(rules: Sequence[Rule], config: Config) -> Iterator[tuple[str, object]]:
    """The options of each rule that has some. Raises BadConfiguration for what fits no rule."""
    known = {rule.name: rule for rule in rules}
    for name in config.options:
        if name in {rule.name for rule in ALL}:
            raise BadConfiguration(
                f"{config.file}: options.{name}: options are for your own rules; reslint's have keys of their own"
            )
        if name not in known:
            raise BadConfiguration(f"{config.file}: options.{name}: no rule of your own is called {name}")
        if known[name].options is None:
            raise BadConfiguration(f"{config.file}: options.{name}: {name} has no options")
    for rule in rules:
        if rule.options is not None:
            yield rule.name, _made(rule, rule.options, config)


def _made(rule: Rule, kind: type, config: Config) -> object:
    """An instance of the rule's dataclass, with what the configuration says and the defaults else."""
    types = _types(rule, kind)
    names = {name.replace("_", "-"): name for name in types}
    values: dict[str, object] = {}
    for key, value in config.options.get(rule.name, {}).items():
        if key not in names:
            close = get_close_matches(key, names, n=1, cutoff=0)
            meant = f"; the nearest valid one is {close[0]!r}" if close else ""
            raise BadConfiguration(f"{config.file}: unknown key 'options.{rule.name}.{key}'{meant}")
        values[names[key]] = _fitting(value, types[names[key]], f"{config.file}: options.{rule.name}.{key}")
    try:
        return kind(**values)
    except Exception as error:  # whatever the user's code refuses
        raise BadConfiguration(f"{config.file}: options.{rule.name}: {type(error).__name__}: {error}") from error


def _types(rule: Rule, kind: type) -> Mapping[str, object]:
    """The fields of a rule's dataclass with their types, which TOML must have."""
    said = f"{rule.origin}: {rule.name}: its options"
    if not is_dataclass(kind):
        raise BadConfiguration(f"{said} must be a dataclass, not {kind!r}")
    try:
        hints = get_type_hints(kind)
    except Exception as error:  # a name that is not there
        raise BadConfiguration(f"{said} have types that can't be read: {type(error).__name__}: {error}") from error
    for field in fields(kind):
        wanted = hints[field.name]
        if wanted not in _PLAIN and not (get_origin(wanted) is tuple and _inner(wanted) in _PLAIN):
            raise BadConfiguration(
                f"{said}: {field.name} must be bool, int, float, str or a tuple[..., ...] of one of these"
            )
        if field.default is MISSING and field.default_factory is MISSING:
            raise BadConfiguration(f"{said}: {field.name} needs a default")
    return {field.name: hints[field.name] for field in fields(kind)}


def _inner(wanted: object) -> object:
    """What a `tuple[X, ...]` holds, None for any other tuple."""
    inner = get_args(wanted)
    return inner[0] if inner[1:] == (...,) else None


def _fitting(value: object, wanted: object, where: str) -> object:
    """A value of TOML as the type that a field has."""
    if get_origin(wanted) is tuple and isinstance(value, list):
        inner = _inner(wanted)
        return tuple(_fitting(item, inner, f"{where}: each item") for item in value)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is wanted:
        return value
    name = wanted.__name__ if isinstance(wanted, type) else str(wanted)
    raise BadConfiguration(f"{where} must be {name}, not {value!r}")

"""Options in, the settings of each model written: the value of each key and who said so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass

from reslint.cli.inputs.look import NOT_LOOKED_AT, named
from reslint.cli.options.check import CheckOptions
from reslint.cli.output.streams import emit, error
from reslint.config import KEYS, Config
from reslint.report.common.plain import plain

_PART = 256  # characters that are escaped at once; nothing is cut


def shown(options: CheckOptions) -> int:
    """Write the settings of all models that the options mean."""
    found = named(options)
    emit(
        "\n".join(_settings(path, options.configuration.nearest(path)) for path in found if not found[path]),
        options.output,
    )
    missing = {path: says for path, says in found.items() if says}
    for path, says in missing.items():
        error(path, says)
    return NOT_LOOKED_AT if missing else 0


def _settings(path: str, config: Config) -> str:
    return "".join(f"{line}\n" for line in (plain(path), *_lines(path, config)))


def _lines(path: str, config: Config) -> Iterator[str]:
    own = config.at(path)
    width = max(map(len, KEYS))
    for key in KEYS:
        value = json.dumps(_bare(key, path, own), default=str, ensure_ascii=False)
        whole = "".join(plain(value[at : at + _PART]) for at in range(0, len(value), _PART))
        yield f"    {key:<{width}}  {whole}  ({plain(config.origin(path, key))})"


def _bare(key: str, path: str, config: Config) -> object:
    """What a key is for one model, as a value of JSON; of what has globs only that which matches."""
    settings = config.settings(path)
    if key == "budget":
        return asdict(settings.budget)
    if key == "expect":
        return settings.skeleton
    if key == "severity":
        return {rule: str(severity) for rule, severity in config.severity.items()}
    if key == "allow":
        return [asdict(entry) for entry in config.allow if config.matches(path, entry.model)]
    value: object = getattr(config, key.replace("-", "_"))
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value

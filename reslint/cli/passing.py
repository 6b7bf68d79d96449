"""Options and a rule in, why it did not fire written; apart from its command, since this needs onnx."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.cli.look import NOT_LOOKED_AT, named
from reslint.cli.options import Options
from reslint.cli.output import colored, emit, error
from reslint.errors import UnreadableModel
from reslint.passes import explained
from reslint.passes import named as rule_named
from reslint.report.passes import Explained, render


def passing(options: Options, rule: str) -> int:
    """Explain a rule's passes in all models that the options mean, and say how it went."""
    failed: list[str] = []
    found = tuple(_explained(options, rule, failed))
    color = colored(options.color, options.output)
    emit(render(found, options.style, color=color, verbose=options.verbose), options.output)
    return NOT_LOOKED_AT if failed else 0


def _explained(options: Options, name: str, failed: list[str]) -> Iterator[Explained]:
    rule = rule_named(name)
    for path, missing in named(options).items():
        try:
            found = None if missing else explained(path, rule, options.config.at(path))
        except UnreadableModel as problem:
            found, missing = None, str(problem)
        if found is not None:
            yield found
        else:
            failed.append(path)
            error(path, missing or "")

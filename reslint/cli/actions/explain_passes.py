"""Options and a rule in, why it did not fire written; apart from its command, since this needs onnx."""

from __future__ import annotations

from reslint.cli.inputs.look import NOT_LOOKED_AT, examine
from reslint.cli.options.check import CheckOptions
from reslint.cli.output.streams import colored, emit
from reslint.passes import explained, named
from reslint.report.check.passes import Explained, render


def passing(options: CheckOptions, rule: str) -> int:
    """Explain a rule's passes in all models that the options mean, and say how it went."""
    found: list[Explained] = []
    asked, sound = named(rule, options.configuration), True
    for seen in examine(options, None):
        sound = sound and not seen.looked.fails
        if seen.anatomy is not None:
            found.append(
                explained(
                    seen.looked.path,
                    seen.anatomy,
                    asked,
                    options.settings_of(seen.looked.path),
                )
            )
    color = colored(options.color, options.output)
    emit(render(found, options.format, color=color, verbose=options.verbose), options.output)
    return 0 if sound else NOT_LOOKED_AT

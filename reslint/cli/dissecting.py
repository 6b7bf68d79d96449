"""Options in, anatomies written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.cli.look import NOT_LOOKED_AT, look
from reslint.cli.options import Options
from reslint.cli.output import colored, emit
from reslint.report import anatomy_json, anatomy_text
from reslint.report.report import Dissected


def anatomy(options: Options) -> int:
    """Show all files, and say how it went."""
    run = look(options)
    failed: list[str] = []

    def dissected() -> Iterator[Dissected]:
        for seen in run:
            failed.extend([seen.path] if seen.fails else [])
            yield Dissected(seen.path, seen.anatomy, seen.error, seen.findings)

    if options.style == "json":
        shown = anatomy_json.render(dissected())
    else:
        shown = anatomy_text.render(dissected(), color=colored(options.color, options.output), verbose=options.verbose)
    if run.paths:
        emit(shown, options.output)
    return 0 if run.sound and run.paths and not failed else NOT_LOOKED_AT

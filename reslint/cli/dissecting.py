"""Options in, anatomies written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.cli.look import NOT_LOOKED_AT, chosen, look
from reslint.cli.options import Options
from reslint.cli.output import colored, emit
from reslint.report import anatomy_json, anatomy_text
from reslint.report.report import Dissected


def anatomy(options: Options) -> int:
    """Show all files, and say how it went."""
    structured = options.style == "json"
    rules = chosen(options)
    failed: list[str] = []

    def dissected() -> Iterator[Dissected]:
        for seen in look(options, () if structured else rules):  # the JSON shows no findings
            failed.extend([seen.path] if seen.fails else [])
            yield Dissected(seen.path, seen.anatomy, seen.error, seen.findings)

    if structured:
        shown = anatomy_json.render(dissected())
    else:
        shown = anatomy_text.render(dissected(), color=colored(options.color, options.output), verbose=options.verbose)
    emit(shown, options.output)
    return NOT_LOOKED_AT if failed else 0

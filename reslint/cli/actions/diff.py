"""Two paths in, their difference written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

import sys
from pathlib import Path

from reslint.anatomy import Anatomy
from reslint.cli.inputs.look import NOT_LOOKED_AT
from reslint.cli.inputs.overwriting import spare
from reslint.cli.options.diff import DiffOptions
from reslint.cli.output.streams import colored, emit, error, note
from reslint.comparison import Difference, compare
from reslint.config import Config, load
from reslint.look import look
from reslint.report.diff import json as diff_json
from reslint.report.diff import markdown as diff_markdown
from reslint.report.diff import text as diff_text

LOST = 1


def compared(asked: DiffOptions) -> int:
    """Compare two models, and say how it went."""
    spare((("--output", asked.output),) if asked.output else (), (asked.old, asked.new))
    config = load(asked.config, Path.cwd(), None, asked.factory())
    found = {path: _anatomy(path, config, asked.quiet) for path in dict.fromkeys((asked.old, asked.new))}
    old, new = found[asked.old], found[asked.new]
    if old is None or new is None:
        return NOT_LOOKED_AT
    difference = compare(old, new, config.at(asked.new).sizes)
    emit(_rendered(asked, difference), asked.output)
    return LOST if asked.fail_on_lost_shortcut and difference.lost_shortcuts else 0


def _anatomy(path: str, config: Config, quiet: bool) -> Anatomy | None:
    """What reslint sees in a model, None where it sees nothing; that is told."""
    seen = look(path, config, None)
    sys.stderr.write(seen.looked.trace)
    if seen.looked.error:
        error(path, seen.looked.error)
    for line in () if quiet else (*seen.looked.notes, *seen.looked.unread):
        note(path, line)
    return seen.anatomy


def _rendered(asked: DiffOptions, difference: Difference) -> str:
    if asked.format == "text":
        return diff_text.render(asked.old, asked.new, difference, color=colored(asked.color, asked.output))
    render = {"json": diff_json.render, "markdown": diff_markdown.render}[asked.format]
    return render(asked.old, asked.new, difference)

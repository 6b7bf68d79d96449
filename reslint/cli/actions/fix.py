"""Options in, models mended or the edits shown; apart from its command, since this needs onnx."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from traceback import print_exception

import onnx.printer
from onnx import NodeProto

from reslint.cli.actions.check import check
from reslint.cli.inputs.look import NOT_LOOKED_AT, named
from reslint.cli.options.check import CheckOptions
from reslint.cli.output.streams import emit, error, note
from reslint.errors import UnreadableModel
from reslint.look import refuse_unknown_rules
from reslint.mend import Mended, mended, write
from reslint.net.edit import Edit
from reslint.report.common.plain import counted, plain

DIFFERS = 1


def checked(options: CheckOptions) -> int:
    """Mend all models that the options mean, check what they are then, and say how it went."""
    start = time.perf_counter()
    sound = _written(options)
    return max(check(options, start), 0 if sound else NOT_LOOKED_AT)


def _written(options: CheckOptions) -> bool:
    """Mend the models; whether each could be written. What can't be read, the check will tell."""
    sound = True
    for plan in _plans(options, told=False):
        if plan is None or not plan.done:
            continue
        try:
            write(plan)
        except UnreadableModel as problem:
            error(plan.path, str(problem))
            sound = False
            continue
        for finding, edits in () if options.quiet else plan.done:
            note(plan.path, f"fixed: {finding.rule} at {finding.module or finding.node}, {counted(len(edits), 'node')}")
    return sound


def edits(options: CheckOptions) -> int:
    """Show what would be mended, and say how it went."""
    plans = tuple(_plans(options, told=True))
    emit("\n".join(_difference(plan) for plan in plans if plan is not None and plan.done), options.output)
    if None in plans:
        return NOT_LOOKED_AT
    return DIFFERS if any(plan.done for plan in plans if plan is not None) else 0


def _plans(options: CheckOptions, *, told: bool) -> Iterator[Mended | None]:
    """What can be mended in each model, None for one that can't be read."""
    refuse_unknown_rules(options.configuration)
    for path, missing in named(options).items():
        if options.configuration.factory(path):
            note(path, "is PyTorch code: --fix edits ONNX files only")
            continue
        try:
            plan = _plan(path, missing, options)
        except UnreadableModel as problem:
            if told:
                error(path, str(problem))
            yield None
        except Exception as bug:  # keeps its traceback, but hides nothing of the other files
            print_exception(bug)
            error(path, "made reslint fail, as shown above; please report it")
            yield None
        else:
            _tell(plan, options)
            yield plan


def _plan(path: str, missing: str | None, options: CheckOptions) -> Mended:
    if missing:
        raise UnreadableModel(missing)
    return mended(path, options.configuration.nearest(path))


def _tell(plan: Mended, options: CheckOptions) -> None:
    why = Counter((finding.rule, finding.module or finding.node, says) for finding, says in plan.refused)
    for (rule, at, says), number in () if options.quiet else why.items():
        note(plan.path, f"{rule} at {at} can't be fixed{f' at {number} nodes' if number > 1 else ''}: {says}")


def _difference(plan: Mended) -> str:
    return "".join(f"{line}\n" for line in _lines(plan))


def _lines(plan: Mended) -> Iterator[str]:
    yield f"--- {plain(plan.path)}"
    yield f"+++ {plain(plan.path)} (fixed)"
    for finding, made in plan.done:
        yield f"@@ {plain(finding.module or finding.node)}: {finding.rule} @@"
        for edit in made:
            yield from _nodes(edit)


def _nodes(edit: Edit) -> Iterator[str]:
    yield f"-{_node(edit.before)}"
    if edit.after is not None:
        yield f"+{_node(edit.after)}"


def _node(node: NodeProto) -> str:
    """A node in ONNX's own text syntax, without its name."""
    bare = NodeProto()
    bare.CopyFrom(node)
    bare.ClearField("name")
    return plain(onnx.printer.to_text(bare).strip())

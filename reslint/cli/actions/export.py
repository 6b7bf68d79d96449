"""A spec and a file in, the file written, and how well it agrees with its module told; apart from its command: needs torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reslint import look
from reslint.anatomy.views.source import where
from reslint.cli.inputs.overwriting import same
from reslint.cli.options.export import ExportOptions
from reslint.cli.output.streams import emit, error, note
from reslint.config import load
from reslint.errors import BadConfiguration, ExportFailed, RunFailed, UnreadableModel
from reslint.measure import Referred
from reslint.report.common.plain import plain

APART = 1
FAILED = 2


def deliver(options: ExportOptions) -> int:
    """Write the model of a spec, verify it if that is wanted, and say how it went."""
    spec, output, quiet = options.spec, options.output, options.quiet
    factory = load(options.config, Path.cwd(), factory=options.factory()).factory(spec)
    if factory is None:
        raise BadConfiguration(
            f"{spec!r} is neither module:factory (such as mypkg.models:build), a .pt2 file nor a named model"
        )
    if same(str(output), str(Path(factory.folder) / factory.target)):
        raise BadConfiguration(f"--output {output}: is the file that the model is made from; name another file")
    try:
        with look.needing_torch():
            from reslint.export.deploy import deployed
            from reslint.export.exported import asked as texts
        made = deployed(*texts(factory), output)
        for line in () if quiet else made.notes:
            note(spec, line)
        if not options.verify:
            return 0
        from reslint.cli.actions.verify import verified

        return _told(output, verified(made, texts(factory)[1]), quiet)
    except (ExportFailed, RunFailed, UnreadableModel) as problem:
        error(spec, str(problem))
        return FAILED


def _told(output: Path, runs: Iterator[tuple[str, Referred | None]], quiet: bool) -> int:
    """Each run that does not agree, and in the end how many do."""
    count, most, apart = 0, 0.0, 0
    for label, found in runs:
        if found is None:
            note(str(output), label) if not quiet else None
            continue
        count += 1
        most = max([most, *(d.relative if d.relative is not None else d.absolute for d in found.differences)])
        if not found.agrees:
            apart += 1
            parting = f"; {_parting(found)}" if apart == 1 else ""  # which is looked for once
            error(str(output), f"{label}: {_apart(found)}{parting}")
    if apart:
        return APART
    told = (
        f"computes what the module computes, in {count} runs; the largest difference is {most:.2g} of the largest value"
    )
    emit(f"{plain(str(output))}: {told}\n", None)
    return 0


def _apart(found: Referred) -> str:
    worst = next(d for d in found.differences if not d.agrees)
    size = worst.absolute if worst.relative is None else worst.relative
    return (
        f"the output {worst.output} differs from {found.against} by {size:.2g} of its largest value, "
        f"the tolerance is {worst.tolerance:.2g}"
    )


def _parting(found: Referred) -> str:
    if found.parts is None:
        return "the two diverge after the last block" if found.before else "where they diverge is unknown"
    merge = found.parts.merge
    module, source = where(merge)
    place = f" at {source.file}:{source.line}: {source.text}" if source else ""
    return f"the two diverge at the block {module or merge.id} (tensor {merge.id}){place}"

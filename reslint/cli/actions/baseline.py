"""Findings and a baseline in, the findings that are new out; apart from the others, since most runs have no baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from reslint.baseline import Baseline, Ran, load, render
from reslint.cli.options.common import Judging
from reslint.cli.output.streams import note, written
from reslint.finding import Finding
from reslint.report.common.plain import counted
from reslint.result import Looked


def unknown(
    files: Sequence[Looked], findings: Sequence[Finding], file: Path, options: Judging
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """The findings that a baseline does not know, and those that it does; it is written anew if that was asked for."""
    ran = {file.path: Ran(frozenset(file.rules), file.least) for file in files if not file.error}
    known = load(file, must_exist=not options.write_baseline)
    return _renewed(known, findings, ran, options).split(findings)


def _renewed(known: Baseline, findings: Sequence[Finding], ran: Mapping[str, Ran], options: Judging) -> Baseline:
    """The baseline after the run: written if that was asked for, else as it was; resolved entries are told."""
    resolved = () if options.quiet else tuple(known.resolved(findings, ran))
    told = "dropped" if options.write_baseline else "--write-baseline removes it"
    for entry in resolved:
        note(str(known.file), f"{entry.path}: {entry.rule} at {entry.at} is resolved; {told}")
    for path, number in () if options.quiet else known.gone().items():
        if not options.configuration.factory(PurePath(path).name):  # a PyTorch model is no file
            told = counted(number, "known finding")
            note(str(known.file), f"{path} no longer exists but has {told}; delete them if it won't come back")
    if not options.write_baseline:
        return known
    renewed = known.renewed(findings, ran)
    written(known.file, render(renewed), f"--write-baseline {known.file}")
    if not options.quiet:
        models = len({entry.path for entry in renewed.entries})
        told = f"holds {counted(len(renewed.entries), 'finding')} of {counted(models, 'model')}"
        note(str(known.file), told)
    return renewed

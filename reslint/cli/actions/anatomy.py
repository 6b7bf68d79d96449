"""Options in, anatomies written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

from collections.abc import Iterator

import click

from reslint.cli.inputs.look import NOT_LOOKED_AT, examine
from reslint.cli.options.anatomy import AnatomyOptions
from reslint.cli.output.formats import rendered
from reslint.cli.output.streams import colored, emit
from reslint.look import statically
from reslint.report.anatomy import dot, svg
from reslint.report.anatomy import json as anatomy_json
from reslint.report.anatomy import signature as anatomy_signature
from reslint.report.anatomy import text as anatomy_text
from reslint.result import Dissected, Report
from reslint.version import __version__


def anatomy(options: AnatomyOptions) -> int:
    """Show all files, and say how it went."""
    if options.format == "html" and not options.signature:
        return _page(options)
    bare = options.signature or options.format == "json"  # these show no findings
    failed: list[str] = []

    def dissected() -> Iterator[Dissected]:
        for seen in examine(options, None if bare else statically):
            failed.extend([seen.looked.path] if seen.looked.fails else [])
            yield Dissected(seen.looked.path, seen.anatomy, seen.looked.error, seen.looked.findings)

    emit(_rendered(dissected(), options), options.output)
    return NOT_LOOKED_AT if failed else 0


def _page(options: AnatomyOptions) -> int:
    """The page of a check, its findings no reason to fail."""
    files = tuple(seen.looked for seen in examine(options, statically))
    findings = tuple(finding for file in files for finding in file.findings)
    report = Report(__version__, files, findings, tuple(one for file in files for one in file.suppressed))
    emit(rendered(report, options.format, options.output, options.color, options.verbose), options.output)
    return NOT_LOOKED_AT if any(file.fails for file in files) else 0


def _rendered(models: Iterator[Dissected], options: AnatomyOptions) -> str:
    """The models in the format that the options ask for."""
    if options.signature:
        if options.format != "text":
            raise click.UsageError(f"--signature prints text: remove --format {options.format}")
        return anatomy_signature.render(models)
    if options.format == "text":
        return anatomy_text.render(models, color=colored(options.color, options.output), verbose=options.verbose)
    if options.format == "graphml":
        from reslint.report.anatomy import graphml  # brings networkx

        return graphml.render(models)
    return {"json": anatomy_json.render, "dot": dot.render, "svg": svg.render}[options.format](models)

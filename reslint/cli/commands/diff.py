"""`reslint diff`: two model files in, what changed in the residual skeleton out."""

from __future__ import annotations

from pathlib import Path

import click

from reslint.cli.inputs.export_options import exporting
from reslint.settings import Factory


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--format", "style", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the result to FILE instead of standard output.")
@click.option("--fail-on-lost-shortcut", is_flag=True, help="Exit with 1 where layers lost what bypassed them.")
@click.option("--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="Read this configuration.")
@exporting
@click.option("--quiet", "-q", is_flag=True, help="Nothing on standard error but errors.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def command(
    *,
    old: str,
    new: str,
    style: str,
    output: str | None,
    fail_on_lost_shortcut: bool,
    file: Path | None,
    quiet: bool,
    color: str,
    factory: Factory,
) -> int:
    """Show what changed in the residual skeleton from the model OLD to the model NEW.

    Either is a model file, or a PyTorch model: module:factory, or a .pt2 file.

    Blocks are matched by structure, never by name, so that a conversion, a quantization or an optimizer that keeps the
    skeleton shows no difference. The exit status is 0 whatever differs, 1 with --fail-on-lost-shortcut where one was lost,
    2 when a model could not be looked at.
    """
    from reslint.cli.actions.diff import Comparison, compared

    return compared(Comparison(old, new, style, output, fail_on_lost_shortcut, file, quiet, color, factory))

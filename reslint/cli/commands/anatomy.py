"""`reslint anatomy`: model files in, what reslint sees in them out."""

from __future__ import annotations

import click

from reslint.cli.inputs.export_options import exporting
from reslint.cli.options import Options, shared


@click.command("anatomy")
@click.option("--signature", is_flag=True, help="Only the skeleton, as one line for each model.")
@exporting
@shared("text", "json", "dot", "svg", "html")
def command(options: Options) -> int:
    """Show the residual blocks, stacks, depth and cost of models.

    The formats dot (for graphviz), svg and html (a page in which blocks open) draw the residual skeleton.
    """
    from reslint.cli.actions.anatomy import anatomy

    return anatomy(options)

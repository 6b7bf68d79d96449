"""`reslint anatomy`: model files in, what reslint sees in them out."""

from __future__ import annotations

import click

from reslint.cli.options import Options, shared


@click.command("anatomy")
@shared
def command(options: Options) -> int:
    """Show the residual blocks, stacks, depth and cost of models."""
    from reslint.cli.dissecting import anatomy

    return anatomy(options)

"""`reslint flow`: a PyTorch module in, the gradient at each residual block, with shortcuts and without, out."""

from __future__ import annotations

import time

import click

from reslint.cli.options import Options, shared


@click.command("flow")
@click.option("--input", "inputs", multiple=True, metavar="[NAME=]SHAPE[:DTYPE]", help="An example input; repeatable.")
@click.option("--kwargs", default="", metavar="JSON", help="What the factory is called with.")
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="How often to initialize it.")
@click.option("--plot", metavar="FILE", help="Write the curves to FILE, too, as SVG.")
@shared("text", "json", "svg", "html")
def command(options: Options) -> int:
    """Measure what the shortcuts of PyTorch modules do for the gradient, at initialization.

    PATH is module:factory; the factory returns a module, (module, args) or (module, args, kwargs). It is called once for
    each seed, exported, and run with autograd: as it is, and with all shortcuts cut. The exit status is that of `check`.
    """
    start = time.perf_counter()
    from reslint.cli.actions.flow import flow

    return flow(options, click.get_current_context().params, start)

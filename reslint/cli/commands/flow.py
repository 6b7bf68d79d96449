"""`reslint flow` measures how a PyTorch module would begin to train, with its shortcuts and without."""

from __future__ import annotations

import time

from reslint.cli.options.declare import command as declared
from reslint.cli.options.flow import FlowOptions


@declared("flow", FlowOptions)
def command(options: FlowOptions) -> int:
    """Measure how PyTorch modules start to train, with their shortcuts and without.

    PATH is module:factory; the factory returns a module, (module, args) or (module, args, kwargs). It is called once per
    seed. The module is exported and run with autograd, once as it is and once with all shortcuts cut. Within a time budget,
    reslint measures the gradient, the effect of the scale of the weights, the curvature of the loss, and learning rates.
    The exit status is that of `check`.
    """
    start = time.perf_counter()
    from reslint.cli.actions.flow import flow

    return flow(options, start)

"""`reslint flow` measures how a PyTorch module would begin to train, with its shortcuts and without."""

from __future__ import annotations

import time

from reslint.cli.options.declare import command as declared
from reslint.cli.options.flow import FlowOptions


@declared("flow", FlowOptions)
def command(options: FlowOptions) -> int:
    """Measure how PyTorch modules would begin to train, and what their shortcuts do for that.

    PATH is module:factory; the factory returns a module, (module, args) or (module, args, kwargs). It is called once for
    each seed, exported, and run with autograd: as it is, and with all shortcuts cut. The gradient, the scale of the weights,
    the curvature of the loss and learning rates are measured, within a budget of time. The exit status is that of `check`.
    """
    start = time.perf_counter()
    from reslint.cli.actions.flow import flow

    return flow(options, start)

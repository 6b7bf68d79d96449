"""`reslint flow` measures the gradient at each residual block of a PyTorch module, with shortcuts and without."""

from __future__ import annotations

import time

from reslint.cli.options.declare import command as declared
from reslint.cli.options.flow import FlowOptions


@declared("flow", FlowOptions)
def command(options: FlowOptions) -> int:
    """Measure what the shortcuts of PyTorch modules do for the gradient, at initialization.

    PATH is module:factory; the factory returns a module, (module, args) or (module, args, kwargs). It is called once for
    each seed, exported, and run with autograd: as it is, and with all shortcuts cut. The exit status is that of `check`.
    """
    start = time.perf_counter()
    from reslint.cli.actions.flow import flow

    return flow(options, start)

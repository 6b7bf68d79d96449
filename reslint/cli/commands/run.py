"""`reslint run` executes models with ONNX Runtime and reports what the rules find in the measurements."""

from __future__ import annotations

import time

from reslint.cli.options.declare import command as declared
from reslint.cli.options.run import RunOptions


@declared("run", RunOptions)
def command(options: RunOptions) -> int:
    """Run models with ONNX Runtime and check what they compute.

    Inputs are generated from a seed and listed in the result. Each model runs in a process of its own. The exit status is
    that of `check`, or 3 when a latency budget is undecided.
    """
    start = time.perf_counter()
    from reslint.cli.actions.run import run

    return run(options, start)

"""`reslint check` reports what the rules find in models."""

from __future__ import annotations

import time

from reslint.cli.options.check import CheckOptions
from reslint.cli.options.declare import command as declared


@declared("check", CheckOptions)
def command(options: CheckOptions) -> int:
    """Check models against the rules.

    PATH is a model file, a folder to search, a glob, or a PyTorch model (module:factory or a .pt2 file). The exit status is
    0 when every model was checked and nothing was found, 1 when there are findings, and 2 when a model could not be
    checked.
    """
    if options.show_files:
        from reslint.cli.actions.show_files import listed

        return listed(options)
    if options.show_settings:
        from reslint.cli.actions.show_settings import shown

        return shown(options)
    if options.explain_passes:
        from reslint.cli.actions.explain_passes import passing

        return passing(options, options.explain_passes)
    if options.fix or options.diff:
        from reslint.cli.actions.fix import checked, edits

        return edits(options) if options.diff else checked(options)
    start = time.perf_counter()  # the import is a part of what the user waits for
    from reslint.cli.actions.check import check

    return check(options, start)

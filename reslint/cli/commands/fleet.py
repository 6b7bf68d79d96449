"""`reslint fleet` checks many models into tables, and reports on them."""

from __future__ import annotations

import time

from reslint.cli.options.declare import command as declared
from reslint.cli.options.fleet import FleetOptions


@declared("fleet", FleetOptions)
def command(options: FleetOptions) -> int:
    """Check many models, and write what is seen as tables (Parquet).

    SOURCE is what `check` takes, @FILE (a list of them, one a line), or a manifest in Parquet with a column `path`. The
    tables are models, findings and errors. `reslint fleet report DIR` tells what is in them. The exit status is that of
    `check`.
    """
    start = time.perf_counter()
    from reslint.cli.actions.fleet import fleet, report

    return report(options, options.reported) if options.reported else fleet(options, start)

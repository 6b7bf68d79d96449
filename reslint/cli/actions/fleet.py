"""Options in, tables written and one summary, and the exit status out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from reslint import baseline
from reslint.cli.inputs.look import NOT_LOOKED_AT
from reslint.cli.inputs.paths import Wanted, models
from reslint.cli.inputs.sources import expanded, sampled
from reslint.cli.options.fleet import FleetOptions
from reslint.cli.output.streams import emit, note
from reslint.cli.output.streams import error as told
from reslint.config import Config
from reslint.errors import BadConfiguration
from reslint.fleet.sight import Asked, Counts, Sight, Task, failed, sight
from reslint.look import refuse_unknown_rules
from reslint.remote.address import shown
from reslint.report.common.plain import counted
from reslint.version import __version__

FOUND = 1
_FEW = 8  # models: processes would take longer to start
_TOLD = 10  # errors; the table has all
_LATE = 60.0  # seconds after which a batch is written, full or not
_NEEDED = "reslint fleet needs {0}: pip install 'reslint[fleet]'"


def fleet(options: FleetOptions, start: float) -> int:
    """Look at all models, write the tables, and say how it went."""
    try:
        from reslint.fleet.destination import Destination
    except ModuleNotFoundError as error:
        raise BadConfiguration(_NEEDED.format(error.name)) from error
    config = options.configuration
    refuse_unknown_rules(config)
    asked = Asked(config, _digest(config), baseline.load(options.baseline) if options.baseline else None)
    sources = tuple(expanded(options.paths))
    found = models(sources, Wanted(config, options.exclude, options.no_ignore)) if sources else {}
    paths = sampled([path for path, missing in found.items() if not missing], options.sample)
    missing = tuple(failed(asked, path, says) for path, says in found.items() if says)
    if not found:
        raise BadConfiguration("no source names a model")
    out = Destination(options.out or "")
    out.begin(resume=options.resume)
    out.settle()
    known = dict(out.known(__version__, asked.configuration))
    about: dict[str, object] = {
        "reslint": __version__,
        "configuration": asked.configuration,
        "settings": repr(config),
        "engine": options.engine,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    out.tell({**about, "complete": False})
    counts = Counts()
    last = max((*out.parts("models"), *out.parts("findings"), *out.parts("errors"), 0))
    tasks = (Task(path, known.get(shown(path), "")) for path in paths)
    sights = _barred(missing, _engine(tasks, asked, options, len(paths)), len(paths), options.quiet)
    for number, batch in enumerate(_batches(sights, options.batch), last + 1):
        for one in batch:
            sys.stderr.write(one.trace)
        if any(one.model or one.error for one in batch):
            out.keep(number, batch)
        counts.add(batch)
    out.settle()
    _tell_errors(counts, options.quiet)
    seconds = time.perf_counter() - start
    fails = any(out.column("errors", "fails"))
    found_bad = any(out.column("findings", "fails"))
    totals = {table: sum(1 for _ in out.column(table, "path")) for table in ("models", "findings", "errors")}
    ran = {"looked_at": counts.models, "unchanged": counts.unchanged, "bytes_read": counts.bytes_read}
    out.tell({**about, "complete": True, "seconds": round(seconds, 3), **totals, **ran}, done=True)
    emit(_summary(totals, counts, seconds, shown(options.out or "")), options.output)
    return NOT_LOOKED_AT if fails else FOUND if found_bad else 0


def report(options: FleetOptions, folder: str) -> int:
    """Write what is in the tables."""
    try:
        from reslint.fleet import report as reports
    except ModuleNotFoundError as error:
        raise BadConfiguration(_NEEDED.format(error.name)) from error
    emit(reports.render(reports.gathered(folder, options.since), options.format), options.output)
    return 0


def _engine(tasks: Iterable[Task], asked: Asked, options: FleetOptions, many: int) -> Iterator[Sight]:
    one = partial(sight, asked)
    if options.engine == "ray":
        from reslint.fleet import cluster

        return cluster.shared(tasks, one, partial(_died, asked))
    if many <= _FEW and options.workers is None:
        return map(one, tasks)
    from reslint.fleet import local

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return local.shared(tasks, one, partial(_died, asked), min(options.workers or cores, max(many, 1)))


def _died(asked: Asked, task: Task) -> Sight:
    says = "ended the process that looked at it, which is what the system does where memory is short"
    return failed(asked, task.path, says)


def _batches(sights: Iterable[Sight], size: int) -> Iterator[Sequence[Sight]]:
    batch: list[Sight] = []
    begun = time.monotonic()
    for one in sights:
        batch.append(one)
        if len(batch) >= size or time.monotonic() - begun > _LATE:
            yield batch
            batch, begun = [], time.monotonic()
    if batch:
        yield batch


def _barred(missing: Sequence[Sight], sights: Iterator[Sight], total: int, quiet: bool) -> Iterator[Sight]:
    """The sights, with a bar, the rate and the time left where someone watches."""
    yield from missing
    if quiet or not sys.stderr.isatty():
        yield from sights
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.speed:.1f}/s"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        yield from bar.track(sights, total=total)


def _digest(config: Config) -> str:
    """What the configuration says, wherever it lies."""
    said = repr([(row.match, dict(row.keys)) for row in config.said])
    return sha256(said.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _tell_errors(counts: Counts, quiet: bool) -> None:
    for path, says in counts.errors[:_TOLD]:
        told(path, says)
    if len(counts.errors) > _TOLD and not quiet:
        note("errors", f"and {len(counts.errors) - _TOLD} more files could not be looked at; the table has them")


def _summary(totals: dict[str, int], counts: Counts, seconds: float, where: str) -> str:
    looked = f"{counts.models} looked at, {counts.unchanged} unchanged"
    told = f"{counted(totals['findings'], 'finding')}, {counted(totals['errors'], 'error')}"
    return f"{counted(totals['models'], 'model')} in {where} ({looked}): {told} ({seconds:.1f} s)\n"

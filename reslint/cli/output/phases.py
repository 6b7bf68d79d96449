"""What a run is at in, a bar with it on standard error out, where someone watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from reslint.report.common.plain import plain

Say = Callable[[str, str], None]


@contextmanager
def phases(paths: Sequence[str], quiet: bool) -> Iterator[Say]:
    """Give what takes a model's path and the phase of its run; the bar is gone at the end."""
    if quiet or not sys.stderr.isatty():
        yield lambda path, phase: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    # Standard output is left alone: the report comes after the bar, wherever it goes.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("reslint", total=len(paths))
        places = {path: at for at, path in enumerate(paths)}

        def say(path: str, phase: str) -> None:
            bar.update(task, completed=places.get(path, 0), description=escape(f"{plain(path)}: {phase}"))
            bar.refresh()

        yield say

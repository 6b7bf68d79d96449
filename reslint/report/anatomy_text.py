"""Dissected models in, a table for a person out."""

from collections.abc import Iterable

from reslint.report.report import Dissected


def render(models: Iterable[Dissected], *, color: bool = False, verbose: bool = False) -> str:
    return "".join(m.path + "\n" for m in models)

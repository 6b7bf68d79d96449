"""A Report in, text for a person (and for grep) out."""

from reslint.report.report import Report


def render(report: Report, *, color: bool = False, verbose: bool = False) -> str:
    return ""

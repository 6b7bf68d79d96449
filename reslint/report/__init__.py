"""What was looked at and found in, text out: one module per format, each with `render`."""

from reslint.report.report import Dissected, Looked, Report

__all__ = ["Dissected", "Looked", "Report"]

"""A Report in, one HTML page out that needs nothing but itself."""

from reslint.report.html.page import render

__all__ = ["render"]

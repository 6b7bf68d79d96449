"""Graphs that are meant to take long, of any size: chains, bodies, tangles of skips, shapes."""

from strain import bodies, chains, extents, tangles
from strain.draw import GENERATORS

__all__ = ["GENERATORS", "bodies", "chains", "extents", "tangles"]

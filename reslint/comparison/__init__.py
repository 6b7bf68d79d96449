"""Two anatomies in, a Difference out: which blocks stand for each other, and what became of the others."""

from reslint.comparison.compare import compare
from reslint.comparison.values import Change, Changed, Difference, Fate, Single

__all__ = ["Change", "Changed", "Difference", "Fate", "Single", "compare"]

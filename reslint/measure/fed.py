"""What a model was fed: each input of each run, with its type, its shape and where its values come from."""

from __future__ import annotations

from dataclasses import dataclass

from reslint.anatomy import Anatomy


@dataclass(frozen=True, slots=True)
class Given:
    """One input as it was fed: its name, its type and shape in words, and what its values are."""

    name: str
    type: str
    shape: str
    values: str
    finite: bool = True


@dataclass(frozen=True, slots=True)
class Fed:
    """All inputs of each run, in order."""

    anatomy: Anatomy
    runs: tuple[tuple[Given, ...], ...]

    @property
    def nonfinite(self) -> tuple[str, ...]:
        """The inputs that hold NaN or infinity themselves."""
        return tuple(dict.fromkeys(given.name for run in self.runs for given in run if not given.finite))

    @property
    def lines(self) -> tuple[str, ...]:
        """One line on each run."""
        if not any(self.runs):
            return ("nothing is fed: the model has no inputs",)
        return tuple("; ".join(f"{g.name} {g.type} {g.shape} {g.values}" for g in run) for run in self.runs)

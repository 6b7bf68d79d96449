"""What rules may ask of the configuration. Each default and its evidence stand on the page of the rule that asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeVar

Profile = Literal["ship", "design"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Levels:
    """From which number on something is a note, and from which a warning."""

    note: int
    warning: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What a model may cost; None where there is no limit."""

    params: int | None = None
    macs: int | None = None
    activation_mb: int | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """An entry that allows findings of a rule: in which models, where, why, and until which day."""

    rule: str
    model: str
    at: str
    reason: str
    expires: date | None = None


@dataclass(frozen=True, slots=True)
class Factory:
    """What makes a PyTorch module, and how it is exported, as it stands in the configuration or on the command line.

    `target` is `module:factory` or a .pt2 file, `kwargs` a JSON object. An empty exporter is dynamo, and TorchScript where
    that fails. `folder` is where a configuration that names it lies: its modules can be imported, as those of the current
    folder can, and a .pt2 file's path starts there.
    """

    target: str
    inputs: tuple[str, ...] = ()
    kwargs: str = ""
    dynamic: tuple[str, ...] = ()
    fake: bool = False
    exporter: str = ""
    opset: int | None = None
    folder: str = ""

    def under(self, above: Factory) -> Factory:
        """The same, but for what another one says."""
        return Factory(
            self.target,
            above.inputs or self.inputs,
            above.kwargs or self.kwargs,
            above.dynamic or self.dynamic,
            above.fake or self.fake,
            above.exporter or self.exporter,
            above.opset or self.opset,
            self.folder,
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """The profile, the target, and every threshold that is a choice.

    `latency` limits percentiles in milliseconds, by provider; under an empty name for any that has no limits of its own.
    `tolerance` is what two runs may differ by, by type.
    `sizes` stand for symbolic dimensions in costs; `skeleton` is what the model's signature must be, None for any. `explain`
    asks rules for near misses that cost something to find. `own` holds the options of the rule that is asked.
    """

    profile: Profile = "ship"
    target: str = ""
    max_residual_blocks: int | None = None
    plain_depth: Levels = Levels(21, 34)
    deep_post_norm: Levels = Levels(10, 18)
    depth_over_width: float = 1.0
    costly_shortcut: float = 0.1
    train_samples: int | None = None
    train_tokens: int | None = None
    budget: Budget = Budget()
    latency: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    max_ratio: float = 1.05
    tolerance: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    skeleton: str | None = None
    explain: bool = False
    own: object = None

    def of(self, kind: type[T]) -> T:
        """The options of a project's own rule, as the configuration has them, else its defaults.

        Raises TypeError where the rule was declared with options of another kind.
        """
        if self.own is None:
            return kind()
        if not isinstance(self.own, kind):
            raise TypeError(f"the rule has options of {type(self.own).__name__}, not of {kind.__name__}")
        return self.own

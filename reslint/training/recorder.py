"""`Recorder` records how residual blocks fare every few steps of any training loop, and warns before a run dies."""

from __future__ import annotations

import json
import math
import warnings
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from reslint.training.budget import Budget
from reslint.training.health import Alarm, BlockHealth, Health, alarms, rising
from reslint.training.replay import Replay, Seen

SCHEMA = "reslint.training/1"
_KEPT = 100  # losses
_LOOKED = 5  # steps from one look at the losses to the next
_LOOKED_BACK = 60  # records
_RECORDING, _REPLAYING = 0.7, 0.15  # of the share; the rest is for what every step costs


class Board(Protocol):
    """What writes numbers for TensorBoard: torch.utils.tensorboard.SummaryWriter, or anything like it."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int | None = None) -> object:
        """Write one number."""


class TrainingWarning(UserWarning):
    """A run is expected to die."""


class Recorder:
    """Call it once a step, between `optimizer.step()` and `zero_grad()`.

    >>> import torch
    >>> from torch import nn
    >>> from reslint.training import Recorder
    >>> class Block(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.f = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    ...     def forward(self, x):
    ...         return x + self.f(x)
    >>> net, x = nn.Sequential(Block(), Block()), torch.randn(8, 4)
    >>> record, optimizer = Recorder(net, (x,), every=2), torch.optim.SGD(net.parameters(), 0.01)
    >>> for _ in range(4):
    ...     loss = net(x).square().mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     record(loss)
    ...     optimizer.zero_grad()
    >>> [health.step for health in record.records]
    [0, 2]

    `args` and `kwargs` are a small batch that is held (two samples or more). Every `every` steps gradients and updates are
    recorded, and the module's exported program runs on that batch with the parameters of the step. Of the time since it was
    made no more than `share` is spent: where steps are so short that it would be more, records wait, and where runs of the
    program would, the streams are not known meanwhile.
    Alarms are Python warnings (TrainingWarning), one of each kind; all stand in `alarms`. `file` is JSON, written at each
    alarm and by `close`; `board` writes for TensorBoard.
    """

    def __init__(
        self,
        module: nn.Module,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        every: int = 10,
        share: float = 0.03,
        file: str | Path | None = None,
        board: Board | None = None,
    ) -> None:
        self.replay = Replay(module, args, kwargs or {})
        owned = tuple(self.replay.parameters())
        self.all = tuple({id(p): p for own in owned for p in own}.values())
        places = {id(p): at for at, p in enumerate(self.all)}
        self.owned = tuple(tuple(places[id(p)] for p in own) for own in owned)
        self.every, self.share, self.board = every, share, board
        self.file = Path(file) if file is not None else None
        self.records: list[Health] = []
        self.losses: deque[tuple[int, float]] = deque(maxlen=_KEPT)
        self.alarms: list[Alarm] = []
        self.step = 0
        self._first: tuple[int, float] | None = None
        self._before: list[Tensor] | None = None
        self.replay.sees()  # the first run is slower
        self._recording, self._replaying = Budget(share * _RECORDING), Budget(share * _REPLAYING)

    def __call__(self, loss: Tensor | float | None = None) -> None:
        """Count a step, and record it if it is its turn."""
        value = float(loss.detach()) if isinstance(loss, Tensor) else loss
        if value is not None:
            self._lost(value)
        if self._before is not None or self.step == 0:
            self._record(value)
        elif (self.step + 1) % self.every == 0 and self._recording.allows:
            with self._recording.spending():
                self._before = [*torch._foreach_add(self._values(), 0)]
        self.step += 1

    def close(self) -> None:
        """Write the JSON file, if there is to be one."""
        if self.file is not None:
            self.file.write_text(json.dumps(self.document(), indent=1, allow_nan=False) + "\n")

    def document(self) -> dict[str, object]:
        """All that was recorded, as the JSON file has it; what is not finite is null."""
        records = [_finite(asdict(record)) for record in self.records]
        return {"schema": SCHEMA, "records": records, "alarms": [asdict(alarm) for alarm in self.alarms]}

    def _lost(self, loss: float) -> None:
        if math.isfinite(loss):
            self._first = self._first or (self.step, loss)
            self.losses.append((self.step, loss))
            if self.step % _LOOKED == 0:
                self._alarm(rising([self._first, *self.losses]))
        else:
            self._alarm((Alarm(self.step, "nonfinite", "the loss is not finite"),))

    def _record(self, loss: float | None) -> None:
        streams: tuple[Seen | None, ...] = (None,) * len(self.owned)
        if self.step == 0 or self._replaying.allows:
            with self._replaying.spending():
                streams = self.replay.sees()
        with self._recording.spending(more=True):
            seen = zip(self.replay.names, streams, *self._numbers(), strict=True)
            blocks = tuple(
                BlockHealth(name, one.ratio if one else None, one.peak if one else None, gradient, update)
                for name, one, gradient, update in seen
            )
            self._before = None
            self.records.append(Health(self.step, loss, blocks))
            self._show(self.records[-1])
            self._alarm(alarms(self.records[-_LOOKED_BACK:]))

    def _alarm(self, found: Iterable[Alarm]) -> None:
        """Warn of each kind once."""
        for alarm in found:
            if alarm.kind not in {one.kind for one in self.alarms}:
                self.alarms.append(alarm)
                warnings.warn(f"step {alarm.step}: {alarm.says}", TrainingWarning, stacklevel=4)
                self.close()

    def _values(self) -> list[Tensor]:
        return [p.data for p in self.all]

    def _numbers(self) -> tuple[list[float | None], list[float | None]]:
        """Each block's gradient, and the change of its parameters in this step over their size; None where not known."""
        graded = [at for at, p in enumerate(self.all) if p.grad is not None]
        slopes = [p.grad for p in self.all if p.grad is not None]
        values = self._values() if self._before is not None else []
        moves = torch._foreach_sub(values, self._before) if self._before is not None else []
        norms = _norms([*slopes, *values, *moves])
        by_slope = dict(zip(graded, norms, strict=False))
        sizes, moved = norms[len(slopes) : len(slopes) + len(values)], norms[len(slopes) + len(values) :]
        gradients = [_whole(by_slope[at] for at in own if at in by_slope) for own in self.owned]
        if not values:
            return gradients, [None] * len(self.owned)
        pairs = ((_whole(moved[at] for at in own), _whole(sizes[at] for at in own)) for own in self.owned)
        return gradients, [move / size if size and move is not None else None for move, size in pairs]

    def _show(self, health: Health) -> None:
        if self.board is None:
            return
        for block in health.blocks:
            for name, value in asdict(block).items():
                if isinstance(value, float):
                    self.board.add_scalar(f"reslint/{name}/{block.name}", value, health.step)


def _whole(norms: Iterable[float]) -> float | None:
    """The norm of parts; None where there are none."""
    found = tuple(norms)
    return math.hypot(*found) if found else None


def _norms(tensors: Sequence[Tensor]) -> list[float]:
    """All at once: a device is waited for but once."""
    norms: list[float] = torch.stack([n.float() for n in torch._foreach_norm([*tensors])]).tolist() if tensors else []
    return norms


def _finite(value: object) -> object:
    """The same with None for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

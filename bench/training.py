"""What `reslint.training` says of runs that are set up to die and of sound ones: how far ahead it warns, and what it costs.

    python bench/training.py [NAME ...]

A run that is to die has its rate raised slowly until it does. It has died at the first loss that is not finite, or from
which on all losses are above twice the first one or, for classes, at what guessing gives.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import flow_nets

from reslint.training import Recorder

STEPS = 400
_NOISE = 0.2  # of the labels
_WINDOW = 10  # losses
Rate = Callable[[int], float]


def raised(low: float, high: float, from_: int = 60) -> Rate:
    """Sound at first, then higher and higher, by the same factor each step."""
    return lambda step: low * (high / low) ** max(0.0, (step - from_) / (STEPS - from_))


def constant(rate: float, warm: int = 10) -> Rate:
    return lambda step: rate * min(1.0, (step + 1) / warm)


CIFAR = {"blocks": 3, "size": 16, "batch": 16}
RUNS: Mapping[str, tuple[str, Mapping[str, object], str, Rate, bool]] = {
    "dies: bare stack, sgd": ("stack", {"blocks": 12, "batch": 64}, "sgd", raised(1e-5, 1), True),
    "dies: bare stack, adam": ("stack", {"blocks": 12, "batch": 64}, "adam", raised(1e-3, 1), True),
    "dies: ResNet-20 without norm, sgd": ("cifar", {**CIFAR, "norm": False}, "sgd", raised(1e-3, 30), True),
    "dies: ResNet-20 without norm, adam": ("cifar", {**CIFAR, "norm": False}, "adam", raised(1e-3, 1), True),
    "dies: pre-norm, sgd": ("transformer", {"layers": 6, "width": 64}, "sgd", raised(3e-2, 100), True),
    "dies: pre-norm, adam": ("transformer", {"layers": 6, "width": 64}, "adam", raised(1e-3, 1), True),
    "dies: post-norm, adam": ("transformer", {"layers": 6, "width": 64, "pre": False}, "adam", raised(3e-4, 1), True),
    "dies: ReZero, adam": ("rezero", {"blocks": 12, "batch": 64}, "adam", raised(1e-3, 1), True),
    "sound: ResNet-20, sgd": ("cifar", CIFAR, "sgd", constant(0.05), False),
    "sound: ResNet-20, adam": ("cifar", CIFAR, "adam", constant(1e-3), False),
    "sound: pre-norm, adam": ("transformer", {"layers": 6, "width": 64}, "adam", constant(1e-3), False),
    "sound: pre-norm, sgd": ("transformer", {"layers": 6, "width": 64}, "sgd", constant(0.1), False),
    "sound: post-norm, adam": (
        "transformer",
        {"layers": 6, "width": 64, "pre": False},
        "adam",
        constant(3e-4, 50),
        False,
    ),
    "sound: stack with norm, sgd": ("stack", {"blocks": 12, "batch": 64, "norm": True}, "sgd", constant(0.03), False),
    "sound: ReZero, adam": ("rezero", {"blocks": 12, "batch": 64}, "adam", constant(1e-3), False),
    "sound: highway, adam": ("highway", {"blocks": 12, "batch": 64}, "adam", constant(1e-3), False),
    "sound: ResNet-56, sgd": ("cifar", {"blocks": 9, "size": 16, "batch": 32}, "sgd", constant(0.1), False),
    "sound: DenseNet, sgd": ("densenet", {"layers": 6}, "sgd", constant(0.03), False),
    "sound: bare stack, adam": ("stack", {"blocks": 6, "batch": 64}, "adam", constant(1e-4), False),
}


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:]
    for name, (net, sizes, optimizer, rate, dies) in RUNS.items():
        if wanted and not any(part in name for part in wanted):
            continue
        for seed in (0, 1):
            print(f"{name:36} seed {seed}  {run(net, sizes, optimizer, rate, dies, seed)}", flush=True)


def run(net: str, sizes: Mapping[str, object], kind: str, rate: Rate, dies: bool, seed: int) -> str:
    """Train, and tell when it died and what was said before."""
    torch.manual_seed(seed)
    module, (x,) = getattr(flow_nets, net)(**sizes)
    teacher = torch.randint(10, (100,))
    optimizer: torch.optim.Optimizer = (
        torch.optim.SGD(module.parameters(), 1.0, momentum=0.9)
        if kind == "sgd"
        else torch.optim.Adam(module.parameters())
    )
    record = Recorder(module.train(), (x[:4],), every=10)
    losses: list[float] = []
    own = whole = 0.0
    for step in range(STEPS):
        begun = time.process_time()
        batch = fresh(x)
        loss = lossed(module(batch), batch, teacher)
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            break
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
        called = time.process_time()
        record(loss)
        own, whole = own + time.process_time() - called, whole + called - begun
        optimizer.zero_grad()
    died = death(losses, math.log(2 if x.is_floating_point() else 10))
    told = ", ".join(f"{alarm.kind} {alarm.step}" for alarm in record.alarms) or "silent"
    cost = f"costs {own / whole:.1%} of a step at every 10"
    if died is None:
        return f"lived, {losses[0]:.3g} -> {losses[-1]:.3g}; {told}; {cost}"
    ahead = f"{died - record.alarms[0].step} steps ahead" if record.alarms else "not at all"
    return f"died at {died} ({losses[-1]:.3g}); warned {ahead}: {told}; {cost}"


def fresh(x: Tensor) -> Tensor:
    """Another batch of the same kind."""
    return torch.randn_like(x) if x.is_floating_point() else torch.randint(100, x.shape)


def lossed(output: Tensor, batch: Tensor, teacher: Tensor) -> Tensor:
    """Classes that the inputs tell: of a token, or of the sum over an image."""
    if output.dim() == 3:
        noisy = torch.rand(batch.numel()) < _NOISE  # what can't be learned keeps the gradients alive
        wanted = torch.where(noisy, torch.randint(10, (batch.numel(),)), teacher[batch.flatten()])
        return F.cross_entropy(output.flatten(0, 1), wanted)
    return F.cross_entropy(output, (batch.flatten(1).mean(1) > 0).long())


def death(losses: list[float], guessing: float) -> int | None:
    """The step at which a run died: from there on it is no better than guessing, or above twice its first loss."""
    if not math.isfinite(losses[-1]):
        return len(losses) - 1
    last = max((at for at, loss in enumerate(losses) if loss <= 2 * losses[0]), default=0)
    if last < len(losses) - _WINDOW:
        return last + 1
    means = [sum(losses[at : at + _WINDOW]) / _WINDOW for at in range(len(losses) - _WINDOW + 1)]
    learned = [at for at, mean in enumerate(means) if mean < 0.95 * guessing]
    return learned[-1] + _WINDOW if learned and learned[-1] < len(means) - 2 * _WINDOW else None


main()

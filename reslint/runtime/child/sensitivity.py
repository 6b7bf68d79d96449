"""A session with a hand on each stream in, how much small changes of the streams move its outputs out.

Only the child imports this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime

from reslint.measure import Range
from reslint.net.values import Array
from reslint.runtime.model.taps import PREFIX, Taps
from reslint.runtime.protocol.job import Feed, Handles, Shaking

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
_NOTHING = np.zeros((), np.float32)


class Shaken:
    """A session, what it is fed, and which shortcuts are cut."""

    def __init__(self, session: onnxruntime.InferenceSession, feed: Feed, what: Shaking, cut: Sequence[bool]) -> None:
        self.session = session
        self.still = {
            **feed,
            **{h.keep: np.array(0.0 if c else 1.0, np.float32) for h, c in zip(what.handles, cut, strict=True)},
            **{h.noise: _NOTHING for h in what.handles},
        }

    def outputs(self, handles: Handles | None = None, noise: Array = _NOTHING) -> Floats:
        """All outputs of the model's own as one vector, with noise on one stream."""
        fed = self.still if handles is None else {**self.still, handles.noise: noise}
        names = [o.name for o in self.session.get_outputs() if not o.name.startswith(PREFIX)]
        made = self.session.run(names, fed)
        return np.concatenate([np.asarray(value, np.float64).reshape(-1) for value in made])

    def ranges(self, what: Shaking) -> Mapping[str, Range]:
        """What each stream holds."""
        names = [o.name for o in self.session.get_outputs() if o.name.startswith(PREFIX)]
        made = dict(zip(names, self.session.run(names, self.still), strict=True))
        return Taps(tuple(h.stream for h in what.handles), far=True).read([made]).ranges


def shook(session: onnxruntime.InferenceSession, feed: Feed, what: Shaking) -> Mapping[str, Array]:
    """For each block its gain and gradient; with `ablate` also those with all shortcuts cut, and what each cut alone does."""
    whole = Shaken(session, feed, what, [False] * len(what.handles))
    found = dict(zip(("gain", "gradient"), _profile(whole, what), strict=True))
    if not what.ablate:
        return found
    cut = Shaken(session, feed, what, [h.cuttable for h in what.handles])
    found.update(zip(("cut_gain", "cut_gradient"), _profile(cut, what), strict=True))
    base = whole.outputs()
    found["alone"] = np.array([_alone(session, feed, what, at, base) for at in range(len(what.handles))])
    return found


def _profile(shaken: Shaken, what: Shaking) -> tuple[Floats, Floats]:
    """The gain and the gradient of each block, by central differences along random directions."""
    random = np.random.default_rng(what.seed)
    norm = float(np.linalg.norm(shaken.outputs()))
    gains, gradients = [], []
    ranges = shaken.ranges(what)
    for handles in what.handles:
        stream = ranges[handles.stream]
        width = float(np.sqrt(np.prod(stream.shape, dtype=np.float64)))
        slopes = [_slope(shaken, handles, stream, random, what.step) for _ in range(what.directions)]
        slope = float(np.sqrt(np.mean(np.square(slopes))))
        gains.append(slope * stream.rms * width / norm if norm else np.nan)
        gradients.append(slope * width)
    return np.array(gains), np.array(gradients)


def _slope(shaken: Shaken, handles: Handles, stream: Range, random: np.random.Generator, step: float) -> float:
    """How far the outputs move for each unit of way along one random direction."""
    noise = (random.standard_normal(stream.shape) * step * stream.rms).astype(np.float32)
    length = 2 * float(np.linalg.norm(noise.astype(np.float64)))
    apart = shaken.outputs(handles, noise) - shaken.outputs(handles, -noise)
    return float(np.linalg.norm(apart)) / length if length else np.nan


def _alone(session: onnxruntime.InferenceSession, feed: Feed, what: Shaking, at: int, base: Floats) -> float:
    """How far the outputs go where one shortcut is cut, over their own size; NaN where it can't be."""
    if not what.handles[at].cuttable:
        return float("nan")
    cut = Shaken(session, feed, what, [k == at for k in range(len(what.handles))])
    norm = float(np.linalg.norm(base))
    return float(np.linalg.norm(cut.outputs() - base)) / norm if norm else float("nan")

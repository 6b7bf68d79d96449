"""A session with a switch at each op in, the smallest set of ops that has to stay in float32 out; only the child imports this.

First all ops that overflow, with those that read what does. Then the ops that cost most, as many as it takes, by bisection;
at last each of them is left out again where the rest does without it. No op of what is left can be left out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnxruntime
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST

from reslint.net.values import Array
from reslint.runtime.protocol.job import Feed, Keeping

Set = frozenset[int]
_SHARE = 0.4  # of the time, for each op alone


class Switches:
    """A session, what it is fed, what it gives with all ops exact, and which ops any converter keeps."""

    def __init__(self, session: onnxruntime.InferenceSession, feeds: Sequence[Feed], what: Keeping) -> None:
        self.session, self.feeds, self.what = session, feeds, what
        self.names = [o.name for o in session.get_outputs() if not o.name.startswith("reslint.")]
        blocked = frozenset(DEFAULT_OP_BLOCK_LIST)
        self.always = frozenset(k for k, s in enumerate(what.switches) if s.type in blocked)
        self.every = frozenset(range(len(what.switches)))
        self.tried: dict[Set, float] = {}
        self.wanted = [self._run(feed, self.every, self.names) for feed in feeds]

    def _run(self, feed: Feed, kept: Set, names: Sequence[str]) -> Mapping[str, Array]:
        flags = {s.flag: np.array(k not in kept) for k, s in enumerate(self.what.switches)}
        return dict(zip(names, self.session.run(list(names), {**feed, **flags}), strict=True))

    def decibels(self, kept: Set) -> float:
        """The ratio of the worst output with these ops kept; minus infinity where finite numbers are none any more."""
        kept |= self.always
        if kept not in self.tried:
            pairs = zip(self.feeds, self.wanted, strict=True)
            self.tried[kept] = min(_worst(self._run(feed, kept, self.names), exact) for feed, exact in pairs)
        return self.tried[kept]

    def extremes(self) -> Mapping[str, float]:
        """The farthest from zero that each tensor comes, with all ops exact; infinity that was there before is none."""
        found: dict[str, float] = {}
        for feed in self.feeds:
            pairs = [(name, s.peaks(name), s.masks) for s in self.what.switches for name in s.gives]
            made = self._run(feed, self.every, [peak for _, peaks, _ in pairs for peak in peaks])
            for name, (least, most), masks in pairs:
                low, high = (float(np.asarray(made[peak]).reshape(-1)[0]) for peak in (least, most))
                peak = max(high, 0.0 if masks else -low)
                found[name] = max(found.get(name, 0.0), peak if math.isfinite(peak) else 0.0)
        return found


def kept(session: onnxruntime.InferenceSession, feeds: Sequence[Feed], what: Keeping) -> Mapping[str, Array]:
    """The numbers of the ops to keep, of those that overflow, what each costs alone in dB, and the ratios."""
    until = time.monotonic() + what.seconds
    switches = Switches(session, feeds, what)
    overflowing = frozenset(_overflowing(switches))
    before = switches.decibels(frozenset())
    alone: dict[int, float] = {}
    found = overflowing
    if switches.decibels(found) < what.wanted:
        alone = dict(_alone(switches, overflowing, time.monotonic() + what.seconds * _SHARE))
        order = sorted(alone, key=lambda k: alone[k])
        found = _least(switches, overflowing, order, until)
    numbers = [alone.get(k, math.nan) for k in range(len(what.switches))]
    return {
        "kept": np.array(sorted(found - switches.always), np.int64),
        "overflowing": np.array(sorted(overflowing), np.int64),
        "alone": np.array(numbers, np.float64),
        "ratios": np.array([before, switches.decibels(found)], np.float64),
        "blocked": np.array(sorted(DEFAULT_OP_BLOCK_LIST)),
        "tried": np.array([len(switches.tried), time.monotonic() > until], np.int64),
    }


def _overflowing(switches: Switches) -> Iterator[int]:
    """The ops that give, or read, a tensor whose numbers the type can't hold."""
    extremes = switches.extremes()
    beyond = {name for name, peak in extremes.items() if peak > switches.what.largest}
    for k, switch in enumerate(switches.what.switches):
        if k not in switches.always and not beyond.isdisjoint((*switch.reads, *switch.gives)):
            yield k


def _alone(switches: Switches, held: Set, until: float) -> Iterator[tuple[int, float]]:
    """What each op costs where it alone is rounded, in dB; what there was no time for counts as nothing."""
    for k in sorted(switches.every - held - switches.always):
        yield k, switches.decibels(switches.every - {k}) if time.monotonic() < until else math.inf


def _least(switches: Switches, held: Set, order: Sequence[int], until: float) -> Set:
    """A set that suffices and of which nothing can be left out; the whole model where even that does not."""
    low, high = 0, len(order)
    while low < high and time.monotonic() < until:
        middle = (low + high) // 2
        if switches.decibels(held | {*order[:middle]}) >= switches.what.wanted:
            high = middle
        else:
            low = middle + 1
    found = list(order[:high])
    size = len(found)
    while size >= 1 and time.monotonic() < until:
        size = max(1, size // 2)
        for at in range(len(found) - size, -1, -size):
            rest = found[:at] + found[at + size :]
            if switches.decibels(held | {*rest}) >= switches.what.wanted:
                found = rest
            if time.monotonic() > until:
                break
        if size == 1:
            break
    return held | {*found}


def _worst(made: Mapping[str, Array], exact: Mapping[str, Array]) -> float:
    """The least ratio of all floating-point outputs."""
    ratios = [_decibels(made[name], wanted) for name, wanted in exact.items() if np.asarray(wanted).dtype.kind == "f"]
    return min(ratios, default=math.inf)


def _decibels(got: Array, wanted: Array) -> float:
    if got.shape != wanted.shape:
        return -math.inf
    a, b = got.astype(np.float64), wanted.astype(np.float64)
    there = np.isfinite(b)
    if not bool(np.all(np.isfinite(a[there]))):
        return -math.inf
    noise, power = float(np.sum((a[there] - b[there]) ** 2)), float(np.sum(b[there] ** 2))
    if noise == 0:
        return math.inf
    return 10 * math.log10(power / noise) if power else -math.inf

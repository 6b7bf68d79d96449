"""`skipped` measures how far a session's outputs move where one branch after the other is taken away.

Only the child imports this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime

from reslint.runtime.protocol.job import Array, Feed, Skipping

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
_CHANNELS_SECOND = 4  # axes from which on the second one is that of the features; else the last is
_ROWS = 2048  # of a stream that are compared


def skipped(session: onnxruntime.InferenceSession, feed: Feed, what: Skipping) -> Mapping[str, Array]:
    """For each block how far the outputs go without its branch, over their size, and how its two streams agree."""
    base = _outputs(session, feed, what, None)
    norm = float(np.linalg.norm(base))
    moved = [float(np.linalg.norm(_outputs(session, feed, what, at) - base)) for at in range(len(what.keeps))]
    agreed = [_agreement(*session.run(list(pair), dict(_fed(feed, what, None)))) for pair in what.streams]
    return {"moved": np.array(moved) / norm if norm else np.full(len(moved), np.nan), "agreement": np.array(agreed)}


def _fed(feed: Feed, what: Skipping, at: int | None) -> Feed:
    return {**feed, **{keep: np.array(float(k != at), np.float32) for k, keep in enumerate(what.keeps)}}


def _outputs(session: onnxruntime.InferenceSession, feed: Feed, what: Skipping, at: int | None) -> Floats:
    made: Sequence[Array] = session.run(list(what.outputs), dict(_fed(feed, what, at)))
    return np.concatenate([np.asarray(value, np.float64).reshape(-1) for value in made])


def _agreement(before: Array, behind: Array) -> float:
    """Linear CKA over tokens or places (Kornblith et al. 2019, equation 5); NaN where the two have not the same rows."""
    a, b = _rows(before), _rows(behind)
    if len(a) != len(b) or len(a) < 2:
        return float("nan")
    a, b = a - a.mean(0), b - b.mean(0)
    norm = float(np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
    return float(np.linalg.norm(b.T @ a) ** 2) / norm if norm else float("nan")


def _rows(stream: Array) -> Floats:
    """A row for each token or place, evenly chosen where there are many."""
    moved = np.moveaxis(stream, 1, -1) if stream.ndim >= _CHANNELS_SECOND else stream
    rows = np.asarray(moved.reshape(-1, moved.shape[-1]) if moved.ndim else moved.reshape(1, 1), np.float64)
    return rows[:: max(1, -(-len(rows) // _ROWS))]

"""A model and an input in, what it gives where each op's result is rounded to half precision out; only the child imports this.

ONNX Runtime's CPU kernels compute half precision in float32 and round now and then. onnx's reference evaluator computes
each op on its own, so that what a processor with true half precision holds between two ops can be had anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import ml_dtypes
import numpy as np
from onnx import ModelProto, NodeProto
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from reslint.net.values import Array
from reslint.runtime.protocol.job import Feed, Overflow

_RETYPING = frozenset({"Cast", "CastLike", "DequantizeLinear"})  # what gives float32 gives it on purpose
TYPES: Mapping[str, type] = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}

Run = Callable[..., tuple[object, ...]]


def rounded(
    model: ModelProto, feed: Feed, kind: str, keep: Collection[str] = ()
) -> tuple[Mapping[str, Array], Overflow | None]:
    """The outputs, and the first op whose finite inputs give what the type can't hold.

    In a model that holds half precision itself each op is computed in float32 and rounded where it reads half precision;
    any other is rounded to `kind` after every op, and what an op reads before it, but for the nodes named in `keep`.
    """
    found: list[Overflow] = []
    narrow = None if kind == "float16" else TYPES[kind]

    class Rounding(ReferenceEvaluator):
        """The evaluator with a rounding behind each op, in bodies and functions, too."""

        def _init(self) -> None:
            super()._init()
            for inst in self.rt_nodes_:
                if inst.onnx_node.name not in keep or not keep:
                    inst.run = _rounding(inst.run, inst.onnx_node, narrow, found)

    evaluator = Rounding(model, new_ops=[GatherElements])
    made = evaluator.run(None, dict(feed))
    outputs = dict(zip(evaluator.output_names, made, strict=True))
    return {n: _plain(v) for n, v in outputs.items() if isinstance(v, np.ndarray)}, found[0] if found else None


class GatherElements(OpRun):
    """onnx's own (1.23) fails where there are more than 64 elements to choose from."""

    op_domain = ""

    def _run(
        self, data: Array, indices: np.ndarray[tuple[int, ...], np.dtype[np.int64]], axis: int | None
    ) -> tuple[Array]:
        return (np.take_along_axis(data, indices, axis or 0),)


def _rounding(run: Run, node: NodeProto, narrow: type | None, found: list[Overflow]) -> Run:
    """An op's own run, with its result rounded."""

    def ran(*given: object, **more: object) -> tuple[object, ...]:
        half = any(isinstance(a, np.ndarray) and a.dtype == np.float16 for a in given)
        wide = [_widened(a) if narrow is None else _after(a, node, half, narrow) for a in given]
        with np.errstate(all="ignore"):
            made = run(*wide, **more)
            after = tuple(_after(m, node, half, narrow) for m in made)
        if not found and all(_finite(a) for a in wide):
            for before, now in zip(made, after, strict=True):
                if _finite(before) and not _finite(now) and isinstance(before, np.ndarray):
                    peak = before.reshape(-1)[int(np.argmax(np.abs(before)))]
                    found.append(Overflow(next(o for o in node.output if o), float(peak)))
                    break
        return after

    return ran


def _after(value: object, node: NodeProto, half: bool, narrow: type | None) -> object:
    """What is left of an op's result in the narrow type."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float32:
        return value
    if narrow is not None:
        return _narrowed(value, narrow)
    return value.astype(np.float16) if half and node.op_type not in _RETYPING else value


def _narrowed(value: Array, kind: type) -> Array:
    return value.astype(kind).astype(np.float32) if value.dtype == np.float32 else value


def _widened(value: object) -> object:
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float16 else value


def _finite(value: object) -> bool:
    return not isinstance(value, np.ndarray) or value.dtype.kind != "f" or bool(np.all(np.isfinite(value)))


def _plain(value: Array) -> Array:
    return value.astype(np.float32) if value.dtype == np.float16 else value

"""ONNX Runtime as if it had been built for NVIDIA: the real one, with a CUDA provider that computes on the CPU.

Stands before the real package on the path of the process that runs a model. The environment's RESLINT_STUB is JSON: a file to
log sessions to, types of ops that CUDA leaves to the CPU, what it says and fails with, and whether TF32 and unoptimized graphs
compute otherwise.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import onnx

_HERE = str(Path(__file__).parents[1])
sys.path[:] = [place for place in sys.path if place != _HERE]
del sys.modules["onnxruntime"]
import onnxruntime as real  # noqa: E402

WANTED: Mapping[str, object] = json.loads(os.environ.get("RESLINT_STUB", "{}"))
CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
_Session, _from_numpy, _bind = real.InferenceSession, real.OrtValue.ortvalue_from_numpy, real.IOBinding.bind_output


class Session(_Session):  # type: ignore[misc, valid-type]
    """A session that says where its nodes are, and keeps its providers for the log."""

    def __init__(self, model: bytes, options: object, providers: Sequence[object], **more: object) -> None:
        asked = [p if isinstance(p, tuple) else (p, {}) for p in providers]
        self.asked = {name: dict(given) for name, given in asked}
        self.rough = CUDA in self.asked and bool(WANTED.get("tf32")) and self.asked[CUDA].get("use_tf32") != "0"
        level = getattr(options, "graph_optimization_level", None)
        self.rough |= (
            CUDA in self.asked
            and bool(WANTED.get("optimizer"))
            and level == real.GraphOptimizationLevel.ORT_DISABLE_ALL
        )
        if isinstance(WANTED.get("log"), str):
            with Path(str(WANTED["log"])).open("a") as file:
                file.write(json.dumps({"providers": self.asked, **more}) + "\n")
        if CUDA in self.asked and WANTED.get("says"):
            sys.stdout.write(f"{WANTED['says']}\n")
            sys.stdout.flush()
        if CUDA in self.asked and WANTED.get("fails"):
            raise RuntimeError(WANTED["fails"])
        super().__init__(model, options, providers=["CPUExecutionProvider"])
        self.nodes = [(n.name, n.op_type) for n in _graph(model)]

    def get_providers(self) -> list[str]:
        """As were asked for."""
        return list(self.asked)

    def get_provider_graph_assignment_info(self) -> list[SimpleNamespace]:
        """One part for each run of nodes on one provider."""
        parts: list[SimpleNamespace] = []
        for name, kind in self.nodes:
            where = "CPUExecutionProvider" if kind in WANTED.get("leaves", ()) else next(iter(self.asked))  # type: ignore[operator]
            if not parts or parts[-1].ep_name != where:
                parts.append(SimpleNamespace(ep_name=where, nodes=[]))
            parts[-1].nodes.append(SimpleNamespace(name=name, op_type=kind))
            parts[-1].get_nodes = lambda nodes=parts[-1].nodes: nodes
        return parts

    def run(self, names: object, feed: object, options: object = None) -> list[object]:
        """Roughly, where the provider rounds on the way."""
        made = super().run(names, feed, options)
        return [m * 1.001 if self.rough and getattr(m, "dtype", None) == "float32" else m for m in made]

    def get_input_memory_infos(self) -> list[SimpleNamespace]:
        """All on the GPU."""
        return [SimpleNamespace(name="Cuda", device_id=0) for _ in self.get_inputs()]

    def get_output_memory_infos(self) -> list[SimpleNamespace]:
        """All on the GPU."""
        return [SimpleNamespace(name="Cuda", device_id=0) for _ in self.get_outputs()]


def _graph(model: bytes) -> list[onnx.NodeProto]:
    return list(onnx.ModelProto.FromString(model).graph.node)


real.InferenceSession = Session
real.get_available_providers = lambda: [TENSORRT, CUDA, "CPUExecutionProvider"]
real.OrtValue.ortvalue_from_numpy = staticmethod(lambda value, device="cpu", at=0: _from_numpy(value))
real.IOBinding.bind_output = lambda self, name, device="cpu", at=0: _bind(self, name)
sys.modules["onnxruntime"] = real

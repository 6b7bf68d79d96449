"""`auto` in, the provider that can be used here out, and why no other."""

from __future__ import annotations

from functools import cache

import numpy as np
from onnx import TensorProto, helper

from reslint.errors import RunFailed
from reslint.runtime.launch.process import Limits, launch, told
from reslint.runtime.protocol.job import Plan
from reslint.runtime.protocol.providers import NAMES, may_be_cuda


def chosen(name: str, limits: Limits) -> tuple[str, str]:
    """The name of a provider, and what is to be said of the choice; any name but auto is kept."""
    if name != "auto":
        return name, ""
    if not may_be_cuda():
        return "cpu", "all nodes run on the CPU; the installed onnxruntime has no other provider"
    failed = _probed(limits.seconds)
    return ("cpu", f"all nodes run on the CPU: {failed}") if failed else ("cuda", "")


@cache
def _probed(seconds: float) -> str:
    """Why CUDA can't run a kernel, empty where it can; found out once."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "probe", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    feed = {"x": np.ones(1, np.float32)}
    try:
        answer = launch((Plan("cuda", model.SerializeToString(), "", {}, NAMES["cuda"]),), ((feed,),), Limits(seconds))
    except RunFailed as error:
        return str(error)
    return told(answer.error) if answer.error else ""

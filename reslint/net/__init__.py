"""ONNX bytes in, Net out. Weights stay on disk."""

from reslint.net.read import SUFFIXES, from_proto, read
from reslint.net.values import UNKNOWN, Dim, Net, Op, Shape, Value, opset

__all__ = ["SUFFIXES", "UNKNOWN", "Dim", "Net", "Op", "Shape", "Value", "from_proto", "opset", "read"]

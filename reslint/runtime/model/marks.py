"""A model in, the same with nodes that can be known again out, whatever ONNX Runtime makes of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reslint.net.nodes import every_node
from reslint.runtime.model.runnable import Runnable

_MARK = re.compile(r"reslint\.(\d+)\.")  # a fused node's name is that of one of its parts with something behind
_MADE = re.compile(r"(_nchwc)?(_token_\d+)?$")  # or that of a tensor which it makes


@dataclass(frozen=True, slots=True)
class Marked:
    """A model whose nodes are numbered, and the first output of each by number."""

    model: Runnable
    outputs: tuple[str, ...]
    known: frozenset[str]

    def tensor(self, name: str) -> str | None:
        """A tensor that a node makes, by the node's name in a session; None where the name was made up."""
        mark = _MARK.search(name)
        if mark and int(mark[1]) < len(self.outputs):
            return self.outputs[int(mark[1])]
        plain = _MADE.sub("", name)
        return plain if plain in self.known else None


def marked(model: Runnable) -> Marked:
    """Number the nodes of a model, and of its bodies."""
    copy = model.copy()
    outputs: list[str] = []
    for at, node in enumerate(every_node(copy.proto.graph)):
        node.name = f"reslint.{at}."
        outputs.append(next((o for o in node.output if o), ""))
    return Marked(copy, tuple(outputs), frozenset(outputs) - {""})

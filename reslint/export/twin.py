"""Twin runs an exported program as it is, or with its shortcuts cut, and keeps what a gradient is asked for at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node
from torch.utils import _pytree as pytree

from reslint.errors import ExportFailed
from reslint.export.cuts import Cut

_ATEN = torch.ops.aten
# Both with (x, weight, bias, mean, var, ...), the one without a flag for training, the other with.
NORMALIZED, NORMALIZING = _ATEN._native_batch_norm_legit_no_training.default, _ATEN.native_batch_norm.default


class Twin(Interpreter):
    """Runs a program node by node; where a shortcut ends, it hands on what has come, or zeros.

    Batch normalization takes the statistics of the batch: with those that it starts from, zero and one, it would do nothing.
    `forks` and `ends` hold what was seen at the blocks' inputs and whatever else is `watched`, and, where a gradient passes,
    at the shortcuts' ends.
    """

    def __init__(self, program: GraphModule, cuts: Iterable[Cut], *, cut: bool, watched: Iterable[str] = ()) -> None:
        super().__init__(program)
        self.cut = cut
        self.at = {c.merge: c.at for c in cuts}
        self.watched = {*watched, *(c.fork for c in cuts)}
        self.forks: dict[str, Tensor] = {}
        self.ends: dict[str, Tensor] = {}
        self.outputs: tuple[Tensor, ...] = ()

    def run_node(self, n: Node) -> object:
        value = self._made(n)
        if n.name in self.watched:
            if not isinstance(value, Tensor):
                raise ExportFailed(f"the fork {n.name!r} is not a tensor in the exported program")
            # A gradient is asked for at an input, too.
            value = self.forks[n.name] = value if value.requires_grad else value.detach().requires_grad_()
        return value

    def _made(self, node: Node) -> object:
        if node.name in self.at:
            return self._merged(node)
        if node.target is NORMALIZED:
            return _normalized(*self.fetch_args_kwargs_from_env(node)[0])
        if node.target is _ATEN.view.default:  # of what lies in memory otherwise where gradients are on
            operands, options = self.fetch_args_kwargs_from_env(node)
            return self.call_function(_ATEN.reshape.default, operands, options)
        return super().run_node(node)

    def _merged(self, node: Node) -> object:
        operands, options = self.fetch_args_kwargs_from_env(node)
        at = self.at[node.name]
        come = operands[at]
        # An alias, so that the gradient along this way can be told from that along the others.
        end = torch.zeros_like(come) if self.cut else come.view_as(come)
        if end.requires_grad:
            self.ends[node.name] = end
        return self.call_function(node.target, (*operands[:at], end, *operands[at + 1 :]), options)

    def output(self, target: object, args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
        leaves = pytree.tree_leaves(args[0])
        self.outputs = tuple(t for t in leaves if isinstance(t, Tensor) and t.requires_grad and t.is_floating_point())
        return args[0]


def batch_normalizations(program: GraphModule) -> int:
    """How many batch normalizations a program has."""
    return sum(node.target is NORMALIZED for node in program.graph.nodes)


def _normalized(x: Tensor, weight: Tensor | None, bias: Tensor | None, *rest: object) -> object:
    *_, momentum, epsilon = rest
    if x.numel() == x.shape[1]:
        raise ExportFailed("has a batch normalization over a single value: measure it with a larger batch")
    return NORMALIZING(x, weight, bias, None, None, True, momentum, epsilon)

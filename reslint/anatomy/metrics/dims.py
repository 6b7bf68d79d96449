"""Dimensions in, numbers out: extents as they stand, symbols as they were given, everything else taken as 1 and noted."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

from reslint.net import UNKNOWN, Dim, Net, Shape, Value

_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_CALLS: Mapping[str, Callable[[list[float]], float]] = {
    "floor": lambda given: math.floor(given[0]),
    "ceil": lambda given: math.ceil(given[0]),
    "ceiling": lambda given: math.ceil(given[0]),
    "max": max,
    "min": min,
}


class Extents:
    """The extents of a net's tensors, with `sizes` for its symbols. `assumed` collects what had to be taken as 1."""

    def __init__(self, net: Net, sizes: Mapping[str, int], outer: Extents | None = None) -> None:
        self.net = net
        self.outer = outer
        self.sizes = sizes
        self.assumed: set[str] = set()
        self._known: dict[Dim, int] = {}

    def inside(self, net: Net) -> Extents:
        """The same for the body of a control-flow op."""
        found = Extents(net, self.sizes, self)
        found.assumed, found._known = self.assumed, self._known
        return found

    def value(self, name: str) -> Value:
        """Type and shape of a tensor of the net, or of one around the body that it is."""
        found = self.net.value(name)
        return found if found is not UNKNOWN or self.outer is None else self.outer.value(name)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of a tensor, None where the rank is unknown."""
        shape = self.value(name).shape
        return None if shape is None else tuple([d if isinstance(d, int) else self.extent(d) for d in shape])

    def size(self, name: str) -> int | None:
        """The number of elements of a tensor, None where the rank is unknown."""
        shape = self.value(name).shape
        return None if shape is None else self.elements(shape)

    def elements(self, shape: Shape) -> int:
        """The number of elements of a shape."""
        total = 1
        for d in shape:
            total *= d if isinstance(d, int) else self.extent(d)
        return total

    def literal(self, name: str, axis: int) -> int | None:
        """The extent of an axis where the net says it as a number."""
        shape = self.value(name).shape
        found = shape[axis] if shape and -len(shape) <= axis < len(shape) else None
        return found if isinstance(found, int) else None

    def extent(self, dim: str | None) -> int:
        """A symbol or an expression of symbols, such as exporters write: `2*length + 1`, `floor(s0/2)`."""
        if dim not in self._known:
            self._known[dim] = max(0, math.floor(self._number(dim)))
        return self._known[dim]

    def _number(self, dim: str | None) -> float:
        if dim is None or dim in self.sizes or dim.isidentifier():
            return self._symbol(dim)
        try:
            return self._value(ast.parse(dim, mode="eval").body)
        except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
            return self._symbol(dim)  # a name that only looks like arithmetic

    def _symbol(self, name: str | None) -> float:
        if name is not None and name in self.sizes:
            return self.sizes[name]
        self.assumed.add("?" if name is None else name)
        return 1

    def _value(self, node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name):
                return self._symbol(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand)
            case ast.BinOp(left=left, op=kind, right=right) if type(kind) in _BINARY:
                return _BINARY[type(kind)](self._value(left), self._value(right))
            case ast.Call(func=ast.Name(id=name), args=args) if name.lower() in _CALLS and args:
                return _CALLS[name.lower()]([self._value(a) for a in args])
        raise ValueError("no arithmetic of dimensions")

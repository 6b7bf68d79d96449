"""What reslint knows about a net as a whole: its blocks, the stacks they form, and what is counted only when asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

from reslint.anatomy.describe.signature import period_of, shapeless, signature
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.metrics.cost import costs
from reslint.anatomy.metrics.depth import depth_of, path_lengths
from reslint.anatomy.sizes import Trial, sized, tried
from reslint.anatomy.values import Block, Cost, Depth, Kind, Merge, Paths, Role, Signature
from reslint.net import Net

if TYPE_CHECKING:
    import networkx as nx

_BYPASSING = frozenset({Role.UNET, Role.FPN})
_JOINING = frozenset({Role.FUSE, Role.BRANCH, Role.SLICES})


@dataclass(frozen=True)
class Stack:
    """Blocks in a row on one stream of one shape."""

    blocks: tuple[Block, ...]
    """The blocks in the order of the stream, at least one."""

    @cached_property
    def signatures(self) -> tuple[Signature, ...]:
        """What each block is made of."""
        return tuple(signature(block) for block in self.blocks)

    @cached_property
    def period(self) -> int:
        """After how many blocks the signatures repeat."""
        return period_of(self.signatures)

    @property
    def odd(self) -> tuple[Block, ...]:
        """The blocks that don't fit the period."""
        signs, period = self.signatures, self.period
        usual = [Counter(signs[k::period]).most_common(1)[0][0] for k in range(period)]
        return tuple(block for at, block in enumerate(self.blocks) if signs[at] != usual[at % period])


@dataclass(frozen=True, repr=False)
class Anatomy:
    """All that the rules stand on."""

    net: Net
    """The model's graph."""
    flows: tuple[Dataflow, ...]
    """That graph and the bodies inside it as walks see them, the outermost first."""
    blocks: tuple[Block, ...]
    """The residual connections, net by net in topological order of their merges."""
    merges: tuple[Merge, ...]
    """The merges that are none, and why, in the same order."""
    stacks: tuple[Stack, ...]
    """The blocks in rows; each block is in one."""

    @cached_property
    def families(self) -> tuple[tuple[Block, ...], ...]:
        """Blocks of a net that do the same work on a stream of the same size, in order."""
        return tuple(self._alike(loose=False))

    @cached_property
    def loose_families(self) -> tuple[tuple[Block, ...], ...]:
        """The same whatever the size: blocks of one kind in several stages."""
        return tuple(self._alike(loose=True))

    def _alike(self, *, loose: bool) -> Iterator[tuple[Block, ...]]:
        found: dict[tuple[object, ...], list[Block]] = {}
        for block in self.blocks:
            if block.work and block.kind is not Kind.DENSE:
                size = None if loose else block.size
                same = shapeless(block.work) if loose else block.work
                found.setdefault((id(block.net), same, size), []).append(block)
        yield from map(tuple, found.values())

    @cached_property
    def trial(self) -> Trial | None:
        """The sizes of all tensors for many sizes of the inputs; None where nothing is open, or nothing fits."""
        return tried(self.net)

    @cached_property
    def sized(self) -> Net:
        """The model's graph with the shapes that inference left open, as far as the arithmetic of sizes tells them."""
        return sized(self.net, self.trial)

    @cached_property
    def depth(self) -> Depth:
        """How deep the outermost net is."""
        here = [m for m in self.merges if m.net is self.net]
        bypasses = {op.id for b in self.blocks if b.net is self.net for op in (b.merge, *b.further)} | {
            m.op.id for m in here if m.role in _BYPASSING
        }
        joins = {m.op.id for m in here if m.role in _JOINING or m.op.type == "Concat"}
        return depth_of(self.flows[0], self.blocks, bypasses, joins)

    @cached_property
    def cost(self) -> Cost:
        """Parameters and multiply-accumulates of the whole net."""
        return costs(self.net)

    def graph(self) -> nx.DiGraph[str]:
        """The residual skeleton as a networkx graph: inputs, blocks, joins and outputs, with the stream between them.

        docs/graphs.md lists the attributes. Blocks inside the bodies of If, Loop and Scan are not part of it.

        >>> import networkx as nx, reslint
        >>> graph = reslint.dissect("fixtures/resnet50.onnx").graph()
        >>> nx.dag_longest_path_length(graph, weight="layers")
        50
        """
        from reslint.anatomy.views.networks import skeleton  # networkx is imported only when it is asked for

        return skeleton(self)

    @cached_property
    def paths(self) -> Paths:
        """How long the ways through the outermost net's residual graph are."""
        return path_lengths(self.flows[0], [b for b in self.blocks if b.net is self.net])

    def __repr__(self) -> str:
        kinds = Counter(str(block.kind) for block in self.blocks)
        said = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
        blocks = f"{len(self.blocks)} residual blocks ({said})" if said else "no residual blocks"
        return f"<Anatomy of {self.net.path.name!r}: {blocks}, {self.depth.weighted} weighted layers>"

    def _repr_svg_(self) -> str:
        # A notebook asks the value itself for its picture, so that this one step goes up.
        from reslint.report.anatomy.svg import picture

        return picture(self)

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self)[1:-1])}</p>{self._repr_svg_()}"

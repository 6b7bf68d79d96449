"""Residual blocks in, the stages that a person sees in them out: blocks in a row of one stack, width and shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from reslint.anatomy import Anatomy, Block, Placement
from reslint.anatomy.where import where
from reslint.net import Op, Shape

_LONG = 8
"""A stage of more blocks than this is folded."""

_ATTENDS = frozenset({"Softmax", "Attention", "MultiHeadAttention", "GroupQueryAttention"})
_LINEAR = frozenset({"MatMul", "Gemm", "MatMulInteger", "MatMulNBits", "QLinearMatMul"})
_CONVOLVES = frozenset({"Conv", "ConvInteger", "FusedConv", "QLinearConv", "ConvTranspose"})
_RECURS = frozenset({"LSTM", "GRU", "RNN"})


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks in a row that a person would draw as one row of a table."""

    blocks: tuple[Block, ...]

    @property
    def out(self) -> str:
        """The shape of the stream after the blocks, without the batch."""
        return dims(_out(self.blocks[0]))

    @property
    def module(self) -> str:
        """What the modules of the blocks have in common."""
        paths = [(module_of(block) or "").split(".") for block in self.blocks]
        common = []
        for parts in zip(*paths, strict=False):
            if len(set(parts)) > 1:
                break
            common.append(parts[0])
        return ".".join(common)

    @property
    def branch(self) -> str:
        """What most of the blocks do on their branch; of several kinds in turn, each once."""
        words = [branch_word(block) for block in self.blocks]
        return " ".join(words[: self.period]) if self.period > 1 else Counter(words).most_common(1)[0][0]

    @property
    def normalization(self) -> str:
        """Where most of the blocks normalize."""
        return Counter(str(block.normalization) for block in self.blocks).most_common(1)[0][0]

    @property
    def ops(self) -> Iterator[Op]:
        """All ops of the blocks."""
        return (op for block in self.blocks for op in (*block.shortcut, *block.branch, block.merge))

    @property
    def period(self) -> int:
        """After how many blocks the branches repeat throughout; the number of blocks where they never do."""
        words = [branch_word(block) for block in self.blocks]
        return next((p for p in range(1, len(words)) if words[p:] == words[:-p]), len(words))

    def letters(self, marked: Callable[[Block], bool]) -> str:
        """One letter per block, long runs folded; a block that `marked` says so has an exclamation mark."""
        shown = []
        for letter, run in groupby(f"{_LETTERS[block.kind]}{' !' * marked(block)}" for block in self.blocks):
            length = len(list(run))
            shown.append(f"{letter} x{length}" if length > _LONG else " ".join([letter] * length))
        return " ".join(shown)

    @property
    def formula(self) -> str | None:
        """`24 x { +attn(norm x)  +mlp(norm x) }` for a long run that repeats; None for one that a row of letters shows."""
        if len(self.blocks) <= _LONG or self.period > _LONG or len(self.blocks) % self.period:
            return None
        terms = "  ".join(_term(block) for block in self.blocks[: self.period])
        return f"{len(self.blocks) // self.period} x {{ {terms} }}"


_LETTERS = {"identity": "I", "projection": "P", "scaled": "S", "gated": "G", "dense": "D"}


def stages(anatomy: Anatomy) -> tuple[Stage, ...]:
    """The blocks of a net and of its bodies, in rows."""
    rows = groupby(anatomy.blocks, key=lambda b: (id(b.net), b.stack, _out(b)))
    return tuple(Stage(tuple(blocks)) for _, blocks in rows)


def module_of(block: Block) -> str | None:
    """The module of a block, as the exporter noted it."""
    return block.module or where(block.merge)[0]


def dims(shape: Shape | None) -> str:
    """`256x56x56`; a question mark for an extent that nothing tells."""
    return "?" if shape is None else "x".join("?" if d is None else str(d) for d in shape) or "1"


def branch_word(block: Block) -> str:
    """A branch in a word or two: its kernels, attn, mlp."""
    kinds = [op.type for op in block.branch]
    kernels = [_kernel(block, op) for op in block.branch if op.type in _CONVOLVES]
    if _ATTENDS.intersection(kinds):
        return "attn"
    if kernels:
        return " ".join(kernels) if len(kernels) <= 4 else f"{' '.join(kernels[:3])} +{len(kernels) - 3}"
    linear = sum(kind in _LINEAR for kind in kinds)
    recurrent = next((kind for kind in kinds if kind in _RECURS), None)
    return recurrent or ("mlp" if linear > 1 else "linear" if linear else f"{len(kinds)} ops")


def _kernel(block: Block, op: Op) -> str:
    kernel = op.integers("kernel_shape") or tuple(
        d for d in (block.net.shape(op.inputs[1]) or ())[2:] if isinstance(d, int)
    )
    stride = max(op.integers("strides") or (1,))
    return f"{'x'.join(map(str, kernel)) or 'conv'}{'g' * (op.integer('group', 1) > 1)}{f'/{stride}' * (stride > 1)}"


def _out(block: Block) -> Shape | None:
    shape = block.net.shape(block.merge.id)
    return shape[1:] if shape is not None and len(shape) > 1 else shape


def _term(block: Block) -> str:
    branch = branch_word(block)
    return {
        Placement.PRE: f"+{branch}(norm x)",
        Placement.POST: f"norm(x + {branch}(x))",
        Placement.BRANCH_END: f"+norm({branch}(x))",
        Placement.SANDWICH: f"+norm({branch}(norm x))",
    }.get(block.normalization, f"+{branch}(x)")

"""A portrait in, what its page keeps to be shown on demand as JSON out: each text once, nothing that ends a script early."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from reslint.portrait import Portrait, Seen, Step
from reslint.report.common.plain import counted, plain
from reslint.report.html.numbers import amount
from reslint.report.html.picture import short

# JSON knows these as escapes, HTML and the browser's own parser take none of them for markup or for an end of a line.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&'"}


def embedded(value: object) -> Markup:
    """A value as JSON in ASCII that may stand inside of a script element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(_ESCAPES))


@dataclass(slots=True)
class _Texts:
    """Each text once, known by its number: it fills as texts are met."""

    numbers: dict[str, int] = field(default_factory=dict)

    def known(self, *texts: str) -> list[int]:
        return [self.numbers.setdefault(text, len(self.numbers)) for text in texts]


def kept(seen: Portrait, found: Mapping[int, Sequence[int]]) -> dict[str, object]:
    """All blocks of a model with their ops; `texts` holds all that is text, elsewhere its numbers stand."""
    texts = _Texts()
    blocks = [
        _block(seen, number, short(seen.blocks[number], stretch), texts) | {"findings": list(found.get(number, ()))}
        for stretch in seen.stretches
        for number in range(stretch.first, stretch.end)
    ]
    return {"blocks": blocks, "texts": [plain(text) for text in texts.numbers]}


def _block(seen: Portrait, number: int, name: str, texts: _Texts) -> dict[str, object]:
    block = seen.blocks[number]
    share = f", {block.macs / seen.macs:.1%} of the model" if seen.macs else ""
    facts = {
        "kind": str(block.kind),
        "normalization": block.normalization,
        "recognized as a block because": block.reason,
        "constant factors": ", ".join(block.scales),
        "stream": block.merge.shape,
        "cost": f"{amount(block.macs)}MAC{share}" if block.macs else "",
        "branch": f"{counted(block.branch_ops, 'op')}, {counted(block.depth, 'weighted layer')} deep",
        "forks at": block.fork,
        "merges at": _merge(block),
        "module": block.merge.module,
        "source": block.merge.source,
    }
    return {
        "name": texts.known(name, block.name),
        "facts": [texts.known(*fact) for fact in facts.items() if fact[1]],
        "shortcut": [_step(step, texts) for step in block.shortcut],
        "branch": [_step(step, texts) for step in block.branch],
    }


def _merge(block: Seen) -> str:
    step = block.merge
    node = f", node {step.node}" if step.node and step.node != step.tensor else ""
    return f"{step.op} {step.tensor}{node}"


def _step(step: Step, texts: _Texts) -> list[int]:
    """The cells of a row, as the page's table has them."""
    cost = amount(step.macs) if step.macs else ""
    return texts.known(step.op, step.shape, step.weight, cost, step.module, step.source, step.tensor, step.node)

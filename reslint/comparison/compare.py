"""Two anatomies in, how the second one's residual skeleton differs from the first one's out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from reslint.anatomy import Anatomy, Block, Cost
from reslint.anatomy.metrics.cost import costs
from reslint.anatomy.values import Layer, Scale, Work, listed
from reslint.anatomy.views.fingerprint import layers
from reslint.anatomy.views.siblings import norm_forms
from reslint.anatomy.views.skeleton import has_final_norm, skeleton
from reslint.comparison.align import Pair, aligned, unshaped
from reslint.comparison.row import Item, rows
from reslint.comparison.values import Change, Changed, Difference, Fate, Single

_CLOSE = 0.02  # how far a scale may go when it is quantized
_REMAINS = 0.75  # of a block's layers, a heuristic
_FORMS = {"Instance": "Group", "SimplifiedLayer": "RMS", "Simplified": "RMS"}  # one layer in two spellings


def compare(old: Anatomy, new: Anatomy, sizes: Mapping[str, int] | None = None) -> Difference:
    """Match the blocks of two models by structure, and say what differs. `sizes` stand for symbolic dimensions in costs."""
    pairs = tuple(aligned(rows(old), rows(new)))
    matched = [(a, b) for a, b in pairs if a is not None and b is not None and a.block and b.block]
    spare = _spare(pairs, matched)
    lost = tuple(sorted(_singles(pairs, old, spare), key=lambda s: s.number))
    gained = tuple(sorted(_singles([(b, a) for a, b in pairs], new, _negative(spare)), key=lambda s: s.number))
    cost = costs(old.net, sizes), costs(new.net, sizes)
    return Difference(
        blocks=(len(old.blocks), len(new.blocks)),
        matched=len(matched),
        lost=lost,
        gained=gained,
        changed=tuple(sorted(_changed(old, new, matched), key=lambda c: c.number)),
        outside=_outside(pairs, lost, gained),
        final_norm=(has_final_norm(old), has_final_norm(new)),
        signature=(skeleton(old), skeleton(new)),
        numbers=_numbers(old, new, *cost),
        unknown=tuple(sorted({*cost[0].unknown} ^ {*cost[1].unknown})),
    )


def _spare(pairs: Iterable[Pair], matched: Iterable[tuple[Item, Item]]) -> Work:
    """The layers, whatever their width, that the new model has beyond those of the old one that it accounts for.

    Below 0 are those that the old model has beyond the new one's. Blocks that only one model has are left out.
    """
    spare: Work = Counter()
    for old, new in matched:
        spare.update(unshaped(new.layers))
        spare.subtract(unshaped(old.layers))
    for old_item, new_item in pairs:
        if new_item is not None and new_item.block is None:
            spare.update(unshaped(new_item.layers))
        if old_item is not None and old_item.block is None:
            spare.subtract(unshaped(old_item.layers))
    return spare


def _negative(spare: Mapping[Layer, int]) -> Work:
    return Counter({what: -n for what, n in spare.items()})


def _singles(pairs: Iterable[Pair], model: Anatomy, spare: Work) -> Iterator[Single]:
    """The blocks that only the first of two models has. What is spare in the other one is taken as theirs, in order."""
    number = _numbered(model)
    left = +spare
    for here, there in pairs:
        if here is None or here.block is None or there is not None and there.block is not None:
            continue
        wanted = unshaped(here.layers)
        found = wanted & left
        remains = found.total() >= _REMAINS * wanted.total()
        if remains:
            left -= found
        at = there.ops[-1].id if remains and there is not None else ""
        fate = (Fate.BARE if remains else Fate.GONE) if wanted else Fate.UNKNOWN
        yield Single(here.block, number[id(here.block)], fate, at)


def _numbered(model: Anatomy) -> Mapping[int, int]:
    return {id(block): at for at, block in enumerate(model.blocks, 1)}


def _outside(pairs: Iterable[Pair], lost: Iterable[Single], gained: Iterable[Single]) -> Mapping[str, int]:
    more = Work()
    for old, new in pairs:
        more.subtract(old.layers if old is not None and old.block is None else {})
        more.update(new.layers if new is not None and new.block is None else {})
    for single in lost:
        if single.fate is Fate.BARE:
            more.subtract(_towards(layers(single.block.net, single.block.branch), more))
    for single in gained:
        if single.fate is Fate.BARE:
            more.update(_towards(layers(single.block.net, single.block.branch), _negative(more)))
    return dict(sorted((str(layer), n) for layer, n in more.items() if n))


def _towards(held: Work, more: Mapping[Layer, int]) -> Work:
    return held & Counter({what: n for what, n in more.items() if n > 0})


def _changed(old: Anatomy, new: Anatomy, matched: Iterable[tuple[Item, Item]]) -> Iterator[Changed]:
    number = _numbered(old)
    flows = {id(flow.net): flow for flow in (*old.flows, *new.flows)}
    for a, b in matched:
        if a.block is None or b.block is None:
            continue
        forms = [_forms(norm_forms(flows[id(block.net)], block)) for block in (a.block, b.block)]
        changes = (*_places(a.block, b.block), *_norms(*forms), *_sides(a, b))
        if changes:
            yield Changed(a.block, b.block, number[id(a.block)], changes)


def _places(old: Block, new: Block) -> Iterator[Change]:
    if old.kind is not new.kind:
        yield Change("kind", str(old.kind), str(new.kind))
    if old.normalization is not new.normalization:
        yield Change("normalization", str(old.normalization), str(new.normalization))
    for what, a, b in (
        ("shortcut scale", old.scale_shortcut, new.scale_shortcut),
        ("branch scale", old.scale_branch, new.scale_branch),
    ):
        if not _agree(a, b):
            yield Change(what, _scale(a), _scale(b))


def _agree(old: Scale | None, new: Scale | None) -> bool:
    """Whether two scales may be the same: the value of one that is a vector, or whose weights are not there, is unknown."""
    if old is None or new is None:
        return old is new
    return old.value is None or new.value is None or math.isclose(old.value, new.value, rel_tol=_CLOSE)


def _scale(scale: Scale | None) -> str:
    return "none" if scale is None else "learned or unknown" if scale.value is None else f"{scale.value:.4g}"


def _forms(found: Mapping[str, int]) -> frozenset[str]:
    plain = (form.removeprefix("Skip") for form in found)
    return frozenset(_FORMS.get(form, form) for form in plain)


def _norms(old: frozenset[str], new: frozenset[str]) -> Iterator[Change]:
    if old and new and old != new:
        yield Change("norm", " ".join(sorted(old)), " ".join(sorted(new)))


def _sides(old: Item, new: Item) -> Iterator[Change]:
    """The layers of both sides that differ."""
    if old.block is None or new.block is None:
        return
    before, after = (layers(block.net, block.shortcut) for block in (old.block, new.block))
    for what, a, b in (("branch", old.layers, new.layers), ("shortcut", before, after)):
        if a != b:
            yield Change(what, listed(a - b) or "nothing", listed(b - a) or "nothing")


def _numbers(old: Anatomy, new: Anatomy, before: Cost, after: Cost) -> Mapping[str, tuple[int, int]]:
    a, b = old.depth, new.depth
    return {
        "residual_blocks": (a.residual, b.residual),
        "weighted_layers": (a.weighted, b.weighted),
        "longest_plain": (a.longest_plain, b.longest_plain),
        "ops": (a.ops, b.ops),
        "params": (before.params, after.params),
        "macs": (before.macs, after.macs),
        "activation_bytes": (before.activation_bytes, after.activation_bytes),
    }

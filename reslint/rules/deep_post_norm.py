"""Stacks in, findings out for those of many layers whose stream goes through a LayerNorm after every merge."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Placement, Stack
from reslint.anatomy.describe.signature import label
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Pass, Said, Settings, rule


@rule("deep-post-norm", "norm", Severity.WARNING, Confidence.LIKELY, design=True)
def deep_post_norm(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """A stack of post-norm blocks is too deep to train without warm-up or rescaling."""
    bypassed = {name for b in anatomy.blocks for name in b.inner}
    forms = {run.source: run.form for flow in anatomy.flows for run in flow.norms.values()}
    for stack in anatomy.stacks:
        post = [
            b
            for b in stack.blocks
            if b.normalization is Placement.POST
            and b.scale_shortcut is None
            and not {*b.merge.outputs} & bypassed
            and not any(forms.get(o, "Layer").startswith(("Batch", "Instance", "Group")) for o in b.merge.outputs if o)
        ]
        layers = layers_of(stack)
        if len(post) == len(stack.blocks) and layers >= settings.deep_post_norm.note:
            levels = settings.deep_post_norm
            yield Draft(
                post[0].merge,
                post[0].net,
                f"{layers} post-norm layers in a row ({len(post)} residual blocks): every path back to the first "
                "passes through every normalization",
                "normalize the branch instead of the sum (pre-norm), or rescale the shortcut (DeepNorm)",
                {"layers": layers, "blocks": len(post), "note": levels.note, "warning": levels.warning},
                related=tuple(b.merge for b in post[1:]),
                severity=None if layers >= levels.warning else Severity.NOTE,
            )
        elif post:
            few = f"{len(post)} of the stack's {len(stack.blocks)} blocks are post-norm and unscaled"
            why = f"{layers} post-norm layers, below the limit of {settings.deep_post_norm.note}"
            yield Pass(post[0].merge, post[0].net, why if len(post) == len(stack.blocks) else few)


def layers_of(stack: Stack) -> int:
    """How many layers a stack of blocks is: a transformer's layer is an attention and what follows it."""
    heads = [label(b).startswith("attn") for b in stack.blocks]
    if all(heads):
        return len(heads)
    starts = sum(attends and not before for attends, before in zip(heads, [False, *heads], strict=False))
    return starts if any(heads) else len(heads)

"""Rules for the tests of what surrounds rules: they find what is told, not what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.finding import Confidence, Severity
from reslint.rules import Draft, Rule, Settings, rule


def at(
    kind: str, name: str, severity: Severity, confidence: Confidence = Confidence.PROVEN, *, design: bool = False
) -> Rule:
    """A rule of the family stub that fires at each op of a kind."""

    @rule(name, "stub", severity, confidence, design=design)
    def stub(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
        """Fires at ops of a kind."""
        for op in anatomy.net.ops:
            if op.type == kind:
                shape = anatomy.net.shape(op.id)
                yield Draft(
                    op,
                    anatomy.net,
                    message=f"{kind} was met",
                    help="look away",
                    evidence={"shape": list(shape or ())},
                    lines=(("shape", str(shape)), ("target", settings.target)),
                    related=tuple(o for o in anatomy.net.ops if o.type == "Conv"),
                )

    return stub


ADD = at("Add", "merge-met", Severity.ERROR)
RELU = at("Relu", "activation-met", Severity.WARNING, Confidence.LIKELY)
CONV = at("Conv", "conv-met", Severity.NOTE, Confidence.POSSIBLE)
DESIGN = at("Relu", "design-met", Severity.NOTE, design=True)
STUBS = (ADD, RELU, CONV, DESIGN)


@rule("everywhere", "stub", Severity.NOTE, Confidence.PROVEN)
def EVERYWHERE(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:  # noqa: N802
    """Fires at every op, in bodies before what is around them."""
    for net in reversed(anatomy.net.nets()):
        yield from (Draft(op, net, "met", "", {}) for op in net.ops)

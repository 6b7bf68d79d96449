"""A model and a rule in, what the rule found and where it came near without firing out."""

from __future__ import annotations

from reslint.anatomy import Anatomy
from reslint.anatomy.views.source import module_of
from reslint.config import Config
from reslint.errors import UnknownRule
from reslint.finding import Confidence
from reslint.lint import lint, nearest
from reslint.look import rules
from reslint.net import Op
from reslint.report.check.passes import Explained, Miss
from reslint.rules import Rule


def named(rule: str, config: Config) -> Rule:
    """The rule of a name. Raises UnknownRule where there is none, and for one that judges a run."""
    known = {one.name: one for one in rules(config)}
    if rule not in known:
        raise UnknownRule(f"no rule is called {rule!r}{nearest(rule, known)}")
    if known[rule].subject is not Anatomy:
        raise UnknownRule(f"{rule} does not judge a model's graph, so it has no near misses")
    return known[rule]


def explained(path: str, anatomy: Anatomy, rule: Rule, config: Config) -> Explained:
    """What a rule found in a model, and why it passed what it came near to finding."""
    settings = config.settings(path)
    order = {id(net): rank for rank, net in enumerate(anatomy.net.nets())}
    passes = sorted(set(rule.passes(anatomy, settings)), key=lambda p: (order.get(id(p.net), 0), p.op.place, p.why))
    return Explained(
        path,
        rule.name,
        findings=tuple(lint(anatomy, (rule,), settings, path, Confidence.POSSIBLE)),
        misses=tuple(Miss(p.op.id, _name(p.op), module_of(p.op), p.why) for p in passes),
        looked_at={
            "residual_blocks": len(anatomy.blocks),
            "other_merges": len(anatomy.merges),
            "normalizations": sum(len(flow.norms) for flow in anatomy.flows),
            "ops": sum(len(net.live) for net in anatomy.net.nets()),
        },
        reasons=rule.reasons,
    )


def _name(op: Op) -> str:
    return op.name or op.id

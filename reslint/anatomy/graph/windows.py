"""How far each walk looks, and why no further.

A walk without an end would be quadratic in the graph, and would find what has nothing to do with where it started. Each window
leaves room above what published models need: the least with which nothing changes that reslint says of them. The numbers were
measured on 340 published models and the fixtures (`python bench/windows.py FOLDER` does so anew). Four times as much changes
what is said of one of them, through SHORTCUT. Where none is needed, graphs of rules/ and docs/ alone call for the walk.
"""

from __future__ import annotations

SHORTCUT = 24
"""Steps back from a side of a merge to its fork; 13 are needed."""

STREAM = 24
"""Steps back from a fork to the merge that made its stream, with nothing learned between; 11 are needed."""

CONDITION = 6
"""Ops from where a condition enters a branch to the sum with what does not come from it; none is needed."""

GATE = 6
"""Ops from a sum to the sigmoid, or the multiplied tanh, that makes a gate of it; 1 is needed."""

JOINT = 6
"""Layout ops from a slice to the sum or concatenation that makes a stream of its own of it; 1 is needed."""

LOGITS = 12
"""Ops from a sum to the softmax that makes attention of it, all branches counted; 4 are needed."""

PART = 4
"""Steps back from a part of a concatenation to the layer that made it; 2 are needed."""

READER = 12
"""Ops from a concatenation to the layer that reads it, all branches counted; 3 are needed."""

POST_NORM = 4
"""Ops from a merge to the normalization of a post-norm block; 2 are needed."""

BRANCH_GATE = 4
"""Layout ops from a branch's end back to the product that gates it; none is needed."""

GAIN = 8
"""Ops from a merge to the last constant that makes up for its gain; 1 is needed."""

STATISTIC = 16
"""Ops of which the statistic of a decomposed normalization is made; 10 are needed."""

PERIOD = 64
"""Blocks after which a stack may repeat; 5 are needed."""

WORK = 400
"""Ops back from a piece of work that no shortcut bypasses to the merge before it; 148 are needed."""

FINAL_NORM = 16
"""Ops from the last merge to the normalization before the head, all branches counted; 8 are needed."""

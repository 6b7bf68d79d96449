"""One arithmetic of sizes: the extent of every tensor, for many sizes of the inputs at once.

The terms. A *symbol* is a size that an input leaves open (`batch`, `height`). An *assignment* gives each symbol a number.
An *extent* is the length of one axis of one tensor: a number, or a column with a number for each assignment. A *meeting* is
an op whose inputs must have equal extents: a sum, a concatenation, a product with a weight, a reshape to a given shape.

The idea. Two paths through a network fit at all sizes or at some, and a formula such as `2*floor((h+1)/2)` does not show
which. So the formulas are not compared, they are computed: one walk through the graph works out all extents for some
hundreds of assignments, as vectors. Shape arithmetic (Shape, Gather, Div, Concat) is computed the same way. Where the
inputs of a meeting differ at an assignment, that assignment is a counterexample, and a counterexample is a proof. What is
not known is NaN, which is unequal to nothing, and stays so.

An example: `y = x + up(pool(x))`, where the pooling drops the last row of an odd height.

    assignment   height = 31   32   33        (the others of 132 small sizes, and 41 that people use, likewise)
    pool                  15   16   16        floor((h - 2) / 2) + 1
    up                    30   32   32        floor(2.0 * h) in single precision, as ONNX Runtime has it
    Add                   fails    fails      31 against 30, 33 against 32

First a base is looked for at which all fits (`trial`), then each symbol is swept while the others stay there. A symbol that
works at one size is held by a constant (`verdict`, `culprit`); a meeting that fails between sizes that work is a mismatch.
Where no assignment works, nothing is said: our formula may be wrong, and a model that never runs is told by other rules.

One walk is linear in the graph. A net without symbols is not walked at all.

Useful files: `extent` (columns, and what two of them give), `call` (what a formula sees), `formulas/` (one for each
operator), `numbers` (shape arithmetic), `bodies` (If, Loop, Scan), `walk`, `trial`, `verdict`, `culprit`.
"""

from reslint.anatomy.sizes.culprit import Culprit, culprit
from reslint.anatomy.sizes.shapes import sized
from reslint.anatomy.sizes.trial import Trial, tried
from reslint.anatomy.sizes.verdict import Fixed, Mismatch, first_failure, fixed, mismatches, rule_of

__all__ = [
    "Culprit",
    "Fixed",
    "Mismatch",
    "Trial",
    "culprit",
    "first_failure",
    "fixed",
    "mismatches",
    "rule_of",
    "sized",
    "tried",
]

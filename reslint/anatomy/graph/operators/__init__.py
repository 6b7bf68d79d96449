"""What every known operator is, in one table: its family, the inputs that matter, its sign, its axes and what it costs.

All that reslint knows of operators stands in `table.py`, a row for each; `operator.py` says what the columns mean. Everything
else reads: the search for residual connections, depth, cost and axes. A new operator is a row, and no other change.
"""

from reslint.anatomy.graph.operators.operator import Axes, Family, Macs, Operator, Sign
from reslint.anatomy.graph.operators.table import TABLE

__all__ = ["TABLE", "Axes", "Family", "Macs", "Operator", "Sign"]

"""Which merges are residual connections, of which kind, and why the others are none.

A *merge* brings two data tensors together, its *sides*. It is a residual connection where a *route* leads back from one side,
by steps that keep the stream recognisable (the *shortcut*), to a *fork* that feeds the other side, too, and where nothing is
objected to that route. All that lies between fork and merge beside the shortcut is the *branch*.

1. `classify` takes the merges in topological order, so that all blocks before one are known.
2. `gated` looks whether a sum is the end of a gate that mixes the stream with its branch.
3. `shortcut_search` finds a route for each side, back to the nearest fork.
4. `region` tells what lies between: walks step over the blocks that are known, so that no walk is long.
5. `objections` asks its rows in order, the route that does least to its shortcut first. The first row that holds gives the
   merge its role; `grounds` holds what each row looks for. Where none holds the merge is a block, and the effects of the
   steps on its shortcut are its kind.
6. `concat` does the same for concatenations, with rows of its own.
7. `verdict` is what comes out: the kind with fork, sides and region, or the role, and a reason for both.

docs/how-it-works.md explains this with a worked graph, docs/objections.md shows two graphs for each objection.
"""

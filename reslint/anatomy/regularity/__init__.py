"""How regular a net's stacks are: what each block computes, and the one block that differs from its siblings."""

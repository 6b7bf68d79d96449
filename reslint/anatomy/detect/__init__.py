"""Which merges are residual connections, of which kind, and why the others are none."""

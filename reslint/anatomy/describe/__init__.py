"""What a block is: its norms and scales, the work of its branch, and the stack that it stands in."""

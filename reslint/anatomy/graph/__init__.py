"""What a net holds, as every walk sees it: operators and what they do, norms, loops, and the data tensors in order."""

"""What is counted in a net: extents, multiply-accumulates, parameters, depth."""

"""How well two runs agree, and the block at which they part."""

"""Which ops to keep in float32 so that a model stands a narrower type."""

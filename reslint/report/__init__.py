"""What was looked at and found in, text out: one module per format, each with `render`."""

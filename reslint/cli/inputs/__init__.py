"""From paths on the command line to what was seen in each model."""

"""Many models in, tables out: one row for each model, each finding, and each file that could not be looked at."""

"""The options of each command: one frozen value per command, whose fields are the options, each declared in one place."""

"""One click command each: options, help, and no work."""

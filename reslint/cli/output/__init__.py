"""From results to standard output, files and the progress bar."""

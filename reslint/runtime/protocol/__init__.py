"""What the parent and the child process say to each other. Imported by both."""

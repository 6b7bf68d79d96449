"""What each operator does to the sizes of what it reads."""

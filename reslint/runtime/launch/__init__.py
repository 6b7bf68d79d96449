"""How the parent starts a child process and reads its answer."""

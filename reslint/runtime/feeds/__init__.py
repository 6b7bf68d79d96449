"""What a model is fed: files, or made-up inputs that it accepts."""

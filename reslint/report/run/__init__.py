"""What a run measured as text and as plain values."""

"""What rules and reports read from an anatomy: skeleton, fingerprints, siblings, places in the code, sizes and axes."""

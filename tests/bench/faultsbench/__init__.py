"""What `tests.bench.faults` is made of: stages, what the wire says, the faults, the table."""

"""What `tests.bench.link` is made of: a stage, what is measured on it, and the tables."""

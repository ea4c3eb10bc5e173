"""Who takes money for us."""

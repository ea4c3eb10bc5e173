"""Specimen documents of nobody, and a simulated camera that takes pictures of them."""

"""How the service speaks to assessment backends."""

"""How the service does: what it can be asked, what it keeps of it, and what its log says."""

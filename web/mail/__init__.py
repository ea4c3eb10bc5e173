"""Mail: what letters say, and how they leave."""

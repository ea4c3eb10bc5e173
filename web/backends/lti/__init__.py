"""The service as a tool of LTI 1.3 with 1EdTech's Proctoring Services 1.0."""

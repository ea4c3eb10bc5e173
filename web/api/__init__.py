"""The machine interface: JSON over HTTPS for assessment backends, described by OpenAPI 3.1."""

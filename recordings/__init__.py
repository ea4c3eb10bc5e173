"""The evidence room: recorder, snapshots, encrypted evidence, the seal and its verifier."""

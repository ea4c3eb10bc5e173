"""Three media servers under the same sessions: what carries them, and what they cost.

`film` makes what is sent, `client` sends and counts it over ICE, DTLS and SRTP, `load` runs such
clients in a process of their own, `servers` starts what is measured, each in its own process.
"""

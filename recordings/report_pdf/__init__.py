"""The report for people: two pages of PDF/A-3b, certified as PAdES, the attestation attached.

`facts` reads the attestation and the record, `sheet` says in plain words what stands on the pages,
`drawing` draws them, `signing` certifies them, `check` tells whether a file is such a report. All
of it blocks, and much of it is slow: `maker` has it done in a process of its own.
"""

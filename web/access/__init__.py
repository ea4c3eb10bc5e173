"""Who may ask for what: the one table of every route and room message, and the gate that keeps it.

A new route needs a row: in `staff`, `learners` or `others`; a new room message one in `room`. Then
`python -m web.access` writes `docs/access.md` anew.
"""

from __future__ import annotations

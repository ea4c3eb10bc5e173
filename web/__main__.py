"""`python -m web`: the command line.

A program by this name is not loaded anew by the processes that it starts to look at pictures.
"""

from __future__ import annotations

from web.cli import main

if __name__ == "__main__":
    main()

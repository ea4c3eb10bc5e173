"""A process that never ends by itself, in the place of one that makes reports."""

import time

while True:
    time.sleep(60)

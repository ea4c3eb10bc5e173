"""Checks the chain of what was erased, as a session's record is checked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

from invigilation.record import EMPTY, Entry, Head
from recordings.verify import Keys, NotVerified
from recordings.verify.keys import check, check_time, check_turn


@dataclass(slots=True)
class Chain:
    """Takes the entries one after the other; `wrong` says what of them does not hold.

    Each entry names the one before it, is signed by a key of the office that was in use at its
    time, and none is missing between. Whether entries are missing at the end shows by `head`, where
    somebody has kept an earlier one.
    """

    keys: Keys
    head: Head = EMPTY
    wrong: list[str] = field(default_factory=list)
    _newest: datetime | None = None

    def take(self, entry: Entry) -> None:
        """Check the next entry."""
        body = json.loads(entry.body)
        try:
            if body["seq"] != self.head.seq + 1 or body["prev"] != self.head.digest:
                raise NotVerified("it does not follow the one before it")  # noqa: TRY301 - one way
            check(self.keys, entry.key_id, entry.signature, entry.body)
            check_time(self.keys, entry.key_id, entry.at)
            self._newest = check_turn(self.keys, entry.key_id, self._newest)
        except NotVerified as error:
            self.wrong.append(f"entry {entry.seq}: {error}")
        self.head = entry.head

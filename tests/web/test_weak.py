"""Passwords that are tried first, and those that are not."""

from __future__ import annotations

import pytest

from web.auth.weak import is_common, is_weak


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password2026!",
        "passwordpassword",
        "123456789012",
        "qwertyuiop123",
        "Qwertzuiop1!",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "zaq12wsxcde3qwerty",
        "aaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "letmein-letmein",
        "WelcomeSummer2026",
        "invigilator1!",
        "sam.field2026",
    ],
)
def test_what_is_tried_first_is_weak(password: str) -> None:
    assert is_weak(password, ("sam", "field"))


@pytest.mark.parametrize(
    "password",
    [
        "seven whales swim north at night",
        "k7qd-m2xw-a4tz-hb6n",
        "my password is a purple kettle",
        "Tr0ub4dor&3 on deck",
        "ein langer satz mit umlauten äöü",
    ],
)
def test_what_nobody_tries_first_is_not(password: str) -> None:
    assert not is_weak(password, ("sam", "field"))
    assert not is_common(password)


@pytest.mark.parametrize(
    "password",
    [
        "chickenwing101",  # what no rule of ours finds
        "mailcreated5240",
        "sojdlg123aljg",
        "ManchesterUnited",
        "manchester united!",
        "correct horse battery staple",
    ],
)
def test_what_many_people_have_is_common(password: str) -> None:
    assert is_common(password)
    assert not is_weak(password)

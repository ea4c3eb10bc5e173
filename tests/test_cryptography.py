"""docs/cryptography.md: whatever uses cryptography stands in its list, with what it uses."""

from __future__ import annotations

import ast
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "docs/cryptography.md"
PACKAGES = ("invigilation", "signalling", "scheduler", "recordings", "web")
LIBRARIES = frozenset(
    {
        *("Crypto", "Cryptodome", "OpenSSL", "argon2", "asn1crypto", "authlib", "bcrypt", "crypt"),
        *("cryptography", "ecdsa", "fido2", "gnupg", "hashlib", "hmac", "itsdangerous", "jose"),
        *("josepy", "joserfc", "jwcrypto", "jwt", "nacl", "oscrypto", "passlib", "pyhanko"),
        *("pyhanko_certvalidator", "pylibsrtp", "pyotp", "rsa", "scrypt", "secrets", "ssl"),
        "webauthn",
    }
)
"""Names by which Python's cryptographic libraries are imported, of those that may ever come."""
BROWSER = re.compile(r"\bcrypto\.(?:subtle|getRandomValues|randomUUID)\b")
WEB_CRYPTO = "WebCrypto"
NAMED = re.compile(r"`([\w./-]+)`")
COLUMNS = 6


def imported(source: str) -> set[str]:
    """Return the cryptographic libraries that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found & LIBRARIES


def used() -> dict[str, set[str]]:
    """Return what each module uses, by its path."""
    uses: dict[str, set[str]] = {}
    for file in sources():
        text = file.read_text("utf-8")
        browsers = {WEB_CRYPTO} if BROWSER.search(text) else set()
        if libraries := imported(text) if file.suffix == ".py" else browsers:
            uses[file.relative_to(ROOT).as_posix()] = libraries
    return uses


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        for folder, folders, names in os.walk(ROOT / package):
            folders[:] = [one for one in folders if one not in {"node_modules", "static"}]
            yield from (Path(folder, one) for one in names if one.endswith((".py", ".ts", ".tsx")))


def rows() -> list[list[str]]:
    lines = LIST.read_text("utf-8").splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [row for row in cells if row[0] != "what for"]


def listed() -> dict[str, set[str]]:
    """Return the libraries of the rows in which a module stands, by its path."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows():
        for path in NAMED.findall(row[-1]):
            found[path] |= set(NAMED.findall(row[-2]))
    return found


def test_every_row_says_all() -> None:
    found = rows()

    assert len(found) > 30
    for row in found:
        assert len(row) == COLUMNS, row[0]
        assert all(cell.strip() for cell in row), row[0]
        assert NAMED.findall(row[-2]), row[0]
        assert NAMED.findall(row[-1]), row[0]


def test_whatever_uses_cryptography_stands_in_the_list() -> None:
    known = listed()
    missing = {
        path: sorted(libraries - known.get(path, set()))
        for path, libraries in used().items()
        if libraries - known.get(path, set())
    }

    assert missing == {}


def test_whatever_stands_in_the_list_is_there_and_uses_it() -> None:
    uses = used()
    wrong = []
    for row in rows():
        libraries = set(NAMED.findall(row[-2]))
        for path in NAMED.findall(row[-1]):
            if not (ROOT / path).is_file():
                wrong.append(f"{path}: there is no such file")
            elif libraries & {*LIBRARIES - {"ssl"}, WEB_CRYPTO} and not libraries & uses.get(
                path, set()
            ):
                wrong.append(f"{path}: uses none of {sorted(libraries)}")
        elsewhere = {one for path in NAMED.findall(row[-1]) for one in uses.get(path, set())}
        unused = libraries & LIBRARIES - elsewhere - {"ssl"}
        wrong += [f"{row[0]}: nothing in it uses {one}" for one in sorted(unused)]

    assert wrong == []


def test_a_new_module_that_uses_some_would_be_found() -> None:
    assert imported("def late():\n    from nacl.public import Box\n") == {"nacl"}
    assert imported("import hashlib as h, os\nfrom . import ssl\n") == {"hashlib"}
    assert BROWSER.search("await crypto.subtle.digest('SHA-256', it)")

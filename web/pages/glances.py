"""What the evidence of a record says of itself: which of it is there, and what each file shows."""

from __future__ import annotations

import logging

from invigilation.desk.reports import Record
from invigilation.errors import Busy, NotFound
from invigilation.presence import Source
from recordings.errors import EvidenceDamaged, EvidenceStoreFull
from recordings.stills import Stretches, stretches
from recordings.vault import Vault
from recordings.webm import HEAD_BYTES, Glance, glance

log = logging.getLogger(__name__)
RECORDINGS = frozenset(source.value for source in Source)


def present(of: Record) -> set[str]:
    """Return the ids of the evidence that is complete and has not been erased."""
    return {one.id for one in of.evidence if one.sha256 is not None and one.erased is None}


def glances_of(vault: Vault, of: Record) -> dict[str, Glance | Stretches]:
    """Read the heads of all recordings that are there, and all stills. Blocks.

    Of a store that is away, or where the disk has no room for what comes from it, nothing more is
    asked: what it has is not on the time line.
    """
    found: dict[str, Glance | Stretches] = {}
    here = present(of)
    for one in of.evidence:
        if one.kind not in RECORDINGS or one.id not in here:
            continue
        ident = one.id
        try:
            with vault.open(of.session.id, ident) as reader:
                if one.kind == Source.STILLS:
                    found[ident] = stretches(reader.read(0, reader.size))
                else:
                    found[ident] = glance(reader.read(0, HEAD_BYTES))
        except NotFound:
            continue
        except (Busy, EvidenceStoreFull) as why:
            log.warning("recording %s is not on the time line: %s", ident, why)
            break
        except (EvidenceDamaged, ValueError):
            log.exception("recording %s cannot be shown on the time line", ident)
    return found

"""Zones for tests: ICAO's own examples, and holders drawn at random."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from invigilation.document import Fields
from invigilation.mrz import Form
from invigilation.states import STATES

TODAY = date(2026, 11, 22)
PASSPORT = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)
CARD = (
    "I<UTOD231458907<<<<<<<<<<<<<<<",
    "7408122F1204159UTO<<<<<<<<<<<6",
    "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
)
LONG_NUMBER = (
    "I<UTOD23145890<7349<<<<<<<<<<<",
    "3407127M9507122UTO<<<<<<<<<<<2",
    "STEVENSON<<PETER<JOHN<<<<<<<<<",
)
LARGER_CARD = (
    "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<",
    "D231458907UTO7408122F1204159<<<<<<<6",
)
VISA = (
    "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L8988901C4XXX4009078F96121096ZE184226B<<<<<<",
)
SMALL_VISA = (
    "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<",
    "L8988901C4XXX4009078F9612109<<<<<<<<",
)
EXAMPLES = {
    Form.TD3: PASSPORT,
    Form.TD1: CARD,
    Form.TD2: LARGER_CARD,
    Form.MRV_A: VISA,
    Form.MRV_B: SMALL_VISA,
}

_NAME = st.text("ABCDEFGHIJLMNOPQRSTUVWXYZ", min_size=2, max_size=6)


@st.composite
def holders(draw, most: int = 9) -> Fields:
    """Draw what a document says, short enough for each form; a number has at most `most`."""
    born = draw(st.none() | st.dates(date(1930, 1, 1), TODAY))
    return Fields(
        surname=" ".join(draw(st.lists(_NAME, min_size=1, max_size=2))),
        given=" ".join(draw(st.lists(_NAME, max_size=2))),
        number=draw(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=most)),
        issuer=draw(st.sampled_from(sorted(STATES))),
        nationality=draw(st.sampled_from(sorted(STATES))),
        sex=draw(st.sampled_from(["M", "F", ""])),
        born=born,
        expires=draw(st.none() | st.dates(date(1977, 1, 1), date(2046, 12, 31))),
    )

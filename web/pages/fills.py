"""A session's gaps for their record's page: what the learner's device kept of each, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from invigilation.desk.room_view import RoomView
from invigilation.fill import JUDGEABLE, LASTS, OUTSTANDING, Chunk, Fill, FillState
from invigilation.gap import Gap, Ruling
from invigilation.people import Role, Staff
from web.pages import words

SECOND = timedelta(seconds=1)
MP4 = "video/mp4"
"""What browsers record that make no WebM."""
SOON = timedelta(minutes=2)
"""A page that has its link again tells its chain at once; later than this it is said."""
RULINGS = {
    None: "Nobody has ruled whose gap it was",
    Ruling.TECHNICAL: "Technical: its time was given back",
    Ruling.LEARNER: "Counted as the learner's",
}
STATES = {
    FillState.NONE: ("Nothing came of it", "quiet"),
    FillState.PROMISED: ("Recording on the learner's device", "warn"),
    FillState.ARRIVING: ("Recording arriving", "warn"),
    FillState.COMPLETE: ("Recording waits to be judged", "warn"),
    FillState.PARTIAL: ("Part of a recording waits to be judged", "warn"),
    FillState.ACCEPTED: ("Recording accepted", "good"),
    FillState.REFUSED: ("Recording not accepted", "bad"),
}


def rows(
    view: RoomView, chunks: Sequence[Chunk], by: Staff, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the session's gaps for the page, with the chunks that are here."""
    mine = view.sitting.staff == by.id and Role.INVIGILATOR in by.roles
    may = mine or Role.ADMINISTRATOR in by.roles
    fills = {one.gap: one for one in view.fills}
    known = {one.evidence: one for one in chunks}
    return [
        _row(gap, fills.get(gap.id, Fill(gap.id, gap.session)), known, view, names) | {"may": may}
        for gap in view.gaps
    ]


def _row(
    gap: Gap,
    fill: Fill,
    known: Mapping[str | None, Chunk],
    view: RoomView,
    names: Mapping[str, str],
) -> dict[str, Any]:
    here = [known[ident] for ident in fill.evidence if ident in known]
    state, tone = STATES[fill.state]
    return {
        "id": gap.id,
        "began": f"{words.short(gap.began)}:{gap.began:%S}",
        "ended": None if gap.ended is None else _clock(gap.ended),
        "ruling": RULINGS[gap.ruling],
        "note": gap.note,
        "state": state,
        "tone": tone,
        "what": " ".join(sentences(gap, fill, view)),
        "proof": " ".join(proof(gap, fill)),
        "judgeable": fill.state in JUDGEABLE,
        "fill_note": fill.note,
        "by": None if fill.judged_by is None else names.get(fill.judged_by, fill.judged_by),
        "done": fill.state in {FillState.ACCEPTED, FillState.REFUSED},
        "accepted": fill.state is FillState.ACCEPTED,
        "chunks": [
            {
                "id": one.evidence,
                "from": _clock(one.began),
                "to": _clock(one.ended),
                "number": number,
                "mp4": one.media_type == MP4,
            }
            for number, one in enumerate(here, 1)
        ],
    }


def sentences(gap: Gap, fill: Fill, view: RoomView) -> Iterator[str]:
    """Yield what came of a gap in plain words, as far as it is here."""
    if fill.state is FillState.NONE:
        yield "The learner's device brought nothing of this gap."
        return
    end = gap.ended or view.now
    whole = f"{_seconds(end - gap.began)} s" if gap.ended else "so far"
    of = f"{_seconds(fill.promised)} of {whole}" if gap.ended else f"{_seconds(fill.promised)} s"
    told = "" if fill.told is None else _clock(fill.told)
    if fill.state in OUTSTANDING:
        yield (
            f"The learner's device says that it recorded {of} of this gap. "
            f"{fill.here} of {fill.chunks} pieces are here."
        )
        if view.session.finished is not None:
            until = view.session.finished + LASTS
            yield f"The rest may come until {words.short(until)}."
    elif fill.here < fill.chunks:
        yield (
            f"The learner's device said that it recorded {of} of this gap. {fill.here} of "
            f"{fill.chunks} pieces came, {_seconds(fill.covers)} s. The rest did not come in time."
        )
    else:
        yield f"The learner's device recorded {of} of this gap."
    if fill.here and fill.arrived is not None:
        after = "" if gap.ended is None else f" {_length(fill.arrived - gap.ended)} later"
        it = "It" if fill.here == fill.chunks else "What is here"
        yield f"{it} arrived{after}, and fits the chain that was told at {told}."


def proof(gap: Gap, fill: Fill) -> Iterator[str]:
    """Yield since when it cannot have been changed."""
    if fill.told is None:
        return
    if fill.before is None:
        yield "Before the gap, the device had not told the chain of all of it."
    else:
        yield f"Before the gap, it had last told its chain at {_clock(fill.before)}."
    if gap.ended is not None and fill.told - gap.ended > SOON:
        yield f"The chain was told {_length(fill.told - gap.ended)} after the link was back."
    yield (
        f"Since {_clock(fill.told)} this recording cannot have been changed unseen. It was made by "
        "the learner's own device: whether it shows what happened, a person has to judge."
    )


def _clock(at: datetime) -> str:
    return f"{words.clock(at)}:{at:%S}"


def _seconds(length: timedelta) -> int:
    return round(length / SECOND)


def _length(length: timedelta) -> str:
    seconds = max(_seconds(length), 0)
    if seconds < 120:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"

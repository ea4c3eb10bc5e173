"""The machine of presence, fed by hand: no clock, no socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invigilation.ladder import Rung
from invigilation.presence import Link, Sight, Signal, Sound
from signalling.presence import (
    CALM_S,
    FINE_S,
    POOR_S,
    GapBegan,
    GapEnded,
    Noted,
    Presence,
    Reading,
    Sign,
    Signs,
    Strain,
)
from signalling.quality import LinkQuality

START = datetime(2026, 11, 23, 10, tzinfo=UTC)


class Story:
    """Lives through a learner's session second by second; `notes` is what went into the record."""

    def __init__(self, *, running: bool = True, gap: bool = False) -> None:
        self.presence = Presence(0.0)
        self.now = 0.0
        self.notes: list[tuple[float, Signal, str]] = []
        self.gaps: list[GapBegan | GapEnded] = []
        self.gap = gap
        self.running = running
        self._voice: float | None = None
        self._picture: float | None = None
        self._still: float | None = None

    def at(self, seconds: float) -> datetime:
        return START + timedelta(seconds=seconds)

    def live(self, seconds: float, **how) -> None:
        """Let time pass, a tick a second; `how` is what comes in it."""
        for _ in range(round(seconds)):
            self.tick(1.0, **how)

    def tick(
        self,
        seconds: float,
        *,
        peer: bool = True,
        voice: bool = True,
        picture: bool = True,
        sound: Sound = Sound.HEARD,
        quality: LinkQuality | None = None,
        still: bool = False,
        rung: Rung | None = None,
    ) -> None:
        self.now += seconds
        if voice and peer:
            self._voice = self.now
        if picture and peer:
            self._picture = self.now
        if still:
            self._still = self.now
        packets = [one for one in (self._voice, self._picture) if one is not None]
        reading = Reading(
            self.now,
            self.at(self.now),
            0.0 if peer else None,
            max(packets, default=None) if peer else None,
            self._voice if peer else None,
            self._picture if peer else None,
            sound if peer and voice else Sound.NONE,
            self.running,
            quality if peer else None,
            self._still,
            rung,
        )
        for finding in self.presence.see(reading, gap=self.gap):
            if isinstance(finding, Noted):
                self.notes.append((self.now, finding.signal, finding.state.value))
            else:
                self.gap = isinstance(finding, GapBegan)
                self.gaps.append(finding)

    def of(self, signal: Signal) -> list[str]:
        return [state for _, one, state in self.notes if one is signal]


NOTHING = {"voice": False, "picture": False}
SATELLITE = LinkQuality(loss=0.01, rtt_s=0.8)
HOLES, LATE = LinkQuality(loss=0.06, rtt_s=0.6), LinkQuality(loss=0.0, rtt_s=1.6)


# The link and its gaps


def test_a_link_that_falls_silent_and_comes_back_is_recorded():
    story = Story()
    story.live(10)
    story.live(20, **NOTHING)
    silent = story.presence.link, story.presence.silent_since

    story.live(10)

    assert silent == (Link.SILENT, story.at(10))
    assert story.of(Signal.LINK) == ["live", "silent", "live"]
    assert story.presence.silent_since is None


def test_a_connection_that_is_gone_is_another_state_than_a_silent_one():
    story = Story()
    story.live(5)

    story.live(5, peer=False)

    assert story.of(Signal.LINK) == ["live", "gone"]


def test_a_gap_begins_with_the_last_packet_and_ends_with_the_next():
    story = Story()
    story.live(10)
    story.live(4, **NOTHING)
    before = list(story.gaps)
    story.live(26, **NOTHING)

    story.live(3)

    assert before == []
    assert story.gaps == [GapBegan(story.at(10)), GapEnded(story.at(41))]


def test_without_a_running_clock_there_is_no_gap():
    story = Story(running=False)
    story.live(5)

    story.live(60, **NOTHING)

    assert story.gaps == []


def test_a_clock_that_starts_in_the_middle_of_silence_opens_a_gap():
    story = Story(running=False)
    story.live(5)
    story.live(60, **NOTHING)

    story.running = True
    story.live(1, **NOTHING)

    assert story.gaps == [GapBegan(story.at(5))]


def test_a_room_that_opens_anew_closes_the_gap_that_it_finds():
    story = Story(gap=True)
    story.live(3, peer=False)
    waiting = list(story.gaps)

    story.live(2)

    assert waiting == []
    assert story.gaps == [GapEnded(story.at(4))]


def test_a_room_that_opens_anew_and_hears_nothing_dates_the_gap_to_its_opening():
    story = Story()

    story.live(6, peer=False)

    assert story.gaps == [GapBegan(story.at(0))]


def test_a_link_that_flutters_does_not_fill_the_record():
    story = Story()
    story.live(5)
    before = list(story.notes)

    for _ in range(100):
        story.live(2, peer=False)
        story.live(2)

    assert story.notes == before


# A poor link


@pytest.mark.parametrize("poor", [HOLES, LATE])
def test_a_link_that_stays_bad_is_poor_until_it_has_been_good_for_longer(poor):
    story, shown = Story(), []
    for quality in [SATELLITE] * 20 + [poor] * 20 + [SATELLITE] * 20:
        story.live(1, quality=quality)
        shown.append(story.presence.link)

    assert shown == (
        [Link.LIVE] * (20 + int(POOR_S))
        + [Link.POOR] * (20 - int(POOR_S) + int(FINE_S))
        + [Link.LIVE] * (20 - int(FINE_S))
    )
    assert story.of(Signal.LINK) == ["live", "poor", "live"]


def test_a_geostationary_satellite_is_not_poor():
    story = Story()

    story.live(120, quality=SATELLITE)

    assert story.of(Signal.LINK) == ["live"]


def test_one_burst_does_not_make_a_link_poor():
    story = Story()
    story.live(10, quality=SATELLITE)

    story.live(5, quality=LinkQuality(loss=1.0, rtt_s=0.6))
    story.live(10, quality=SATELLITE)

    assert story.of(Signal.LINK) == ["live"]


@pytest.mark.parametrize("between", [LinkQuality(0.03, 0.6), LinkQuality(0.0, 1.3)])
def test_between_the_thresholds_a_link_stays_what_it_is(between):
    good, poor = Story(), Story()
    poor.live(10, quality=HOLES)

    good.live(60, quality=between)
    poor.live(60, quality=between)

    assert (good.presence.link, poor.presence.link) == (Link.LIVE, Link.POOR)


def test_a_poor_link_carries_sound_and_picture_and_is_no_gap():
    story = Story()

    story.live(60, quality=HOLES)

    assert (story.presence.picture, story.presence.sound) == (Sight.GOOD, Sound.HEARD)
    assert (story.presence.silent_since, story.gaps) == (None, [])


def test_a_gap_ends_on_a_poor_link_too():
    story = Story()
    story.live(10, quality=HOLES)
    story.live(10, quality=HOLES, **NOTHING)

    story.live(1, quality=HOLES)

    assert story.presence.link is Link.POOR
    assert [type(one) for one in story.gaps] == [GapBegan, GapEnded]


def test_who_comes_back_over_a_new_connection_is_judged_anew():
    story = Story()
    story.live(10, quality=HOLES)
    story.live(10, peer=False)

    story.live(1, quality=SATELLITE)

    assert story.presence.link is Link.LIVE


QUALITY = st.builds(LinkQuality, st.floats(0, 1), st.floats(0, 5))


@given(measured=st.lists(st.tuples(st.floats(0.05, 4.0), QUALITY), max_size=80))
def test_a_link_changes_only_after_it_has_been_otherwise_for_the_whole_time(measured):
    strain, now = Strain(), 0.0
    bad: float | None = None
    fine: float | None = None
    for seconds, quality in measured:
        now += seconds
        over = quality.loss > 0.05 or quality.rtt_s > 1.5
        under = quality.loss < 0.02 and quality.rtt_s < 1.2
        bad = (now if bad is None else bad) if over else None
        fine = (now if fine is None else fine) if under else None
        before = strain.poor

        strain.see(quality, now)

        if strain.poor and not before:
            assert bad is not None
            assert now - bad >= POOR_S
        if before and not strain.poor:
            assert fine is not None
            assert now - fine >= FINE_S


# The picture


def test_a_picture_that_stops_while_sound_goes_on_is_told():
    story = Story()
    story.live(10)
    story.live(4, picture=False)
    before = story.presence.picture

    story.live(10, picture=False)

    assert (before, story.presence.picture) == (Sight.GOOD, Sight.STOPPED)
    assert story.of(Signal.PICTURE) == ["good", "stopped"]


def test_a_camera_that_never_sends_has_stopped_too():
    story = Story()

    story.live(10, picture=False)

    assert story.presence.picture is Sight.STOPPED


def test_stills_take_the_pictures_place_and_nothing_has_stopped():
    story = Story()
    story.live(10)
    for _ in range(6):
        story.tick(1, picture=False, still=True, rung=Rung.STILLS)
        story.live(4, picture=False, rung=Rung.STILLS)

    assert story.presence.picture is Sight.STILLS
    assert story.of(Signal.PICTURE) == ["good", "stills"]


def test_stills_that_do_not_come_any_more_have_stopped():
    story = Story()
    story.tick(1, picture=False, still=True, rung=Rung.STILLS)
    story.live(11, picture=False, rung=Rung.STILLS)
    before = story.presence.picture

    story.live(2, picture=False, rung=Rung.STILLS)

    assert (before, story.presence.picture) == (Sight.STILLS, Sight.STOPPED)


@pytest.mark.parametrize("sight", [Sight.BLACK, Sight.FROZEN, Sight.LOOPING])
def test_what_a_look_at_a_still_has_found_holds_until_the_next(sight):
    story = Story()
    story.live(5)
    for found in (Sight.GOOD, sight, Sight.GOOD):
        story.presence.looked(found, still=True)
        for _ in range(2):
            story.tick(1, picture=False, still=True, rung=Rung.STILLS)
            story.live(4, picture=False, rung=Rung.STILLS)

    assert story.of(Signal.PICTURE) == ["good", "stills", sight.value, "stills"]


@pytest.mark.parametrize("between", [{}, {"picture": False, "rung": Rung.SOUND}])
def test_stills_that_come_back_are_not_taken_for_those_that_were_black(between):
    story = Story()
    story.presence.looked(Sight.BLACK, still=True)
    story.tick(1, picture=False, still=True, rung=Rung.STILLS)
    during = story.presence.picture
    story.live(20, **between)

    story.live(6, picture=False, still=True, rung=Rung.STILLS)

    assert (during, story.presence.picture) == (Sight.BLACK, Sight.STILLS)


def test_what_was_found_of_a_still_says_nothing_of_a_moving_picture():
    story = Story()
    story.live(5)

    story.presence.looked(Sight.FROZEN, still=True)
    story.live(5)

    assert story.presence.picture is Sight.GOOD


def test_a_learner_who_climbs_down_to_stills_has_some_seconds_for_the_first():
    story = Story()
    story.live(10)

    story.live(11, picture=False, rung=Rung.STILLS)

    assert story.presence.picture is Sight.GOOD


@pytest.mark.parametrize("rung", [Rung.SOUND, Rung.TEXT])
def test_a_picture_that_the_link_does_not_carry_is_withheld_and_has_not_stopped(rung):
    story = Story()
    story.live(10)

    story.live(20, picture=False, rung=rung)

    assert story.presence.picture is Sight.WITHHELD
    assert story.of(Signal.PICTURE) == ["good", "withheld"]


def test_what_comes_by_the_socket_comes_without_a_pause_or_begins_anew():
    signs = Signs()
    for now in (1.0, 8.0, 17.0):
        signs.came(now, Sign.SOUND)
    steady = signs.since

    signs.came(28.0, Sign.STILL)

    assert (steady, signs.since, signs.last) == (1.0, 28.0, 28.0)
    assert (signs.fresh(37.0), signs.fresh(38.0)) == (True, False)


@pytest.mark.parametrize("sight", [Sight.BLACK, Sight.FROZEN])
def test_what_a_look_has_found_holds_until_the_next_look(sight):
    story = Story()
    story.live(5)

    story.presence.looked(sight)
    story.live(10)
    during = story.presence.picture
    story.presence.looked(Sight.GOOD)
    story.live(5)

    assert during is sight
    assert story.of(Signal.PICTURE) == ["good", sight.value, "good"]


def test_without_a_link_nothing_is_said_of_the_picture():
    story = Story()
    story.live(5)

    story.live(20, **NOTHING)

    assert story.presence.picture is Sight.NONE
    assert story.of(Signal.PICTURE) == ["good"]


def test_a_picture_that_comes_back_is_not_taken_for_the_one_that_was_black():
    story = Story()
    story.live(5)
    story.presence.looked(Sight.BLACK)
    story.live(5)
    story.live(10, picture=False)

    story.live(1)

    assert story.presence.picture is Sight.GOOD


# The sound


def test_only_a_microphone_that_is_switched_is_recorded():
    story = Story()
    story.live(10, sound=Sound.HEARD)
    story.live(10, sound=Sound.QUIET)
    before = story.of(Signal.SOUND)
    story.live(10, sound=Sound.MUTED)

    story.live(10, sound=Sound.QUIET)

    assert before == []
    assert story.of(Signal.SOUND) == ["muted", "quiet"]


def test_silence_of_the_link_does_not_unmute():
    story = Story()
    story.live(10, sound=Sound.MUTED)

    story.live(20, **NOTHING)
    story.live(10, sound=Sound.MUTED)

    assert story.of(Signal.SOUND) == ["muted"]


def test_speaking_and_pausing_changes_what_is_shown_no_oftener_than_every_two_seconds():
    story = Story()
    shown: list[tuple[float, Sound]] = [(0.0, story.presence.sound)]

    for number in range(400):
        sound = Sound.HEARD if number % 2 else Sound.QUIET
        story.tick(0.1, sound=sound)
        if story.presence.sound is not shown[-1][1]:
            shown.append((story.now, story.presence.sound))

    steps = [after - before for (before, _), (after, _) in pairwise(shown[1:])]
    assert len(steps) > 10
    assert min(steps) >= CALM_S - 0.001


def test_muting_is_shown_at_once():
    story = Story()
    story.tick(0.1, sound=Sound.HEARD)

    story.tick(0.1, sound=Sound.MUTED)

    assert story.presence.sound is Sound.MUTED


# Whatever happens

TICK = st.tuples(
    st.floats(0.05, 8.0),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([Sound.HEARD, Sound.QUIET, Sound.MUTED]),
    st.sampled_from([None, Sight.GOOD, Sight.BLACK, Sight.FROZEN]),
    st.sampled_from([None, SATELLITE, HOLES, LATE]),
)


@given(ticks=st.lists(TICK, max_size=60), running=st.booleans())
@settings(max_examples=150)
def test_the_record_is_never_flooded_and_gaps_never_overlap(ticks, running):
    story = Story(running=running)
    for seconds, peer, voice, picture, sound, sight, quality in ticks:
        if sight is not None:
            story.presence.looked(sight)
        how = {"voice": voice, "picture": picture, "sound": sound, "quality": quality}
        story.tick(seconds, peer=peer, **how)

    for signal in Signal:
        noted = [(at, state) for at, one, state in story.notes if one is signal]
        for (before, one), (after, two) in pairwise(noted):
            assert after - before >= 1
            assert signal is Signal.SOUND or one != two
    kinds = [type(one) for one in story.gaps]
    assert kinds == [(GapBegan, GapEnded)[number % 2] for number in range(len(kinds))]
    moments = [one.at for one in story.gaps]
    rounding = timedelta(milliseconds=1)
    assert all(after - before > -rounding for before, after in pairwise(moments))

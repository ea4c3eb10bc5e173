"""What a bench writes into a document."""

from __future__ import annotations

from tests.bench.linkbench.report import markdown, merged

HEAD = ["link", "system", "heard, s"]


def test_rows_that_were_measured_anew_take_the_place_of_the_old_ones() -> None:
    before = markdown([HEAD, ["a", "ours", "1"], ["a", "stock", "2"], ["b", "ours", "3"]])
    made = markdown([HEAD, ["b", "ours", "4"], ["c", "ours", "5"]])

    expected = [
        HEAD,
        ["a", "ours", "1"],
        ["a", "stock", "2"],
        ["b", "ours", "4"],
        ["c", "ours", "5"],
    ]
    assert merged(before, made) == markdown(expected)


def test_with_other_heads_and_at_first_the_new_table_is_all() -> None:
    made = markdown([HEAD, ["b", "ours", "4"]])

    assert merged("", made) == made
    assert merged(markdown([HEAD[:2], ["b", "ours"]]), made) == made

"""What was skipped is said in a line a kind, and every test is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
import skipped

HERE = Path(__file__).resolve().parent


def test_reasons_of_one_kind_share_a_line_and_others_are_said():
    reasons = ["letter is not here: looked for x", "letter is not here: looked for x", "svhn is not here: looked for y"]
    reasons += ["needs keras, which only these tests use", "no curves of others at /data/olmo", "the moon is full"]
    assert skipped.lines(reasons) == [
        "3 skipped: data sets that are not here: letter, svhn",
        "1 skipped: packages that are not installed: keras",
        "1 skipped: published curves of others (ONECURVE_EXTERNAL_CURVES): /data/olmo",
        "1 skipped: the moon is full",
    ]
    assert sum(int(line.split()[0]) for line in skipped.lines(reasons)) == len(reasons)


@pytest.mark.parametrize("kind", [kind for kind, _ in skipped.KINDS])
def test_contributing_says_how_to_bring_what_is_missing(kind):
    assert kind in " ".join((HERE.parent / "CONTRIBUTING.md").read_text().split())

"""Ranks among published results: by the deviation, with the ranks that bounds leave open, among results of one kind."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from onecurve.collapse.outcome import Bounds
from onecurve.collapse.result_sets.board import Rank, board, rank_among
from onecurve.collapse.result_sets.shift import Shift
from onecurve.collapse.result_sets.side_by_side import ComparedGroup, _judged


def bounds(deviation, low=None, high=None):
    return Bounds(deviation=deviation, lower_bound=low, upper_bound=high)


@pytest.mark.parametrize(("own", "others", "wanted"), [
    ((0.2, 0.1, 0.3), [(0.1, 0.05, 0.15), (0.3, 0.25, 0.4)], (2, 1, 3)),  # both overlap: any rank is open
    ((0.2, 0.16, 0.24), [(0.1, 0.05, 0.15), (0.3, 0.25, 0.4)], (2, 2, 2)),  # neither does
    ((0.2, 0.16, 0.3), [(0.1, 0.05, 0.15), (0.3, 0.25, 0.4)], (2, 2, 3)),
    ((0.2, None, None), [(0.1, 0.05, 0.15), (0.3, 0.25, 0.4)], (2, 1, 3)),  # without bounds all is open
    ((0.2, 0.1, 0.3), [(0.2, 0.1, 0.3)], (1, 1, 2)),  # a tie is no better
    ((0.2, 0.1, 0.3), [(None, None, None)], (1, 1, 1)),  # without a number it does not count
    ((0.2, 0.1, 0.3), [], (1, 1, 1)),
])  # fmt: skip
def test_ranks_and_those_that_bounds_leave_open(own, others, wanted):
    found = rank_among(bounds(*own), [bounds(*one) for one in others])
    rank, low, high = wanted
    known = sum(one[0] is not None for one in others)
    assert found == Rank(rank=rank, low=low, high=high, of=1 + known)


def test_without_a_number_there_is_no_rank():
    assert rank_among(bounds(None), [bounds(0.1)]) is None


def test_a_board_has_results_of_one_kind_with_seeds_and_no_controls():
    def one(dataset="fourier", leg="decayed", scale="end-point", control=None, single=False):
        rescaled = None if scale is None else SimpleNamespace(scale=scale)
        return SimpleNamespace(dataset=dataset, leg=leg, rescaled=rescaled, control=control, single=single)

    own = one()
    others = [one(), one("glyphs"), one(leg="constant"), one(scale="shape"), one(scale=None), one(control="holds"),
              one(single=True)]  # fmt: skip
    assert board([own, *others], own) == [own, others[0]]


@pytest.mark.parametrize(("p_values", "wanted"), [
    ([(0.03, 0.04)], [()]),  # .03 and .04 are .06 together
    ([(0.001, 0.03)], [("curve", "last")]),
    ([(0.02, None), (0.03, None)], [("curve",), ("curve",)]),
    ([(0.02, None), (0.03, 0.9)], [(), ()]),  # three questions ask more of each
])  # fmt: skip
def test_what_changed_is_held_over_all_groups_and_both_questions(p_values, wanted):
    groups = [
        ComparedGroup(key=None, mine=None, published=None, curve=Shift(p=curve), last=Shift(p=last))
        for curve, last in p_values
    ]
    assert [one.changed for one in _judged(groups)] == wanted

"""The page of a study whose training lengths come from pilots: what pilots found, what they cost, and the verdicts.

``python -m onecurve.scripts.publish.study_table RESULTS... --to results/reference/study.md`` reads results folders that
`onecurve run` has written, with the answers of their pilots, and analyses them anew: some seconds for each family.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...collapse.inquiry import inquire
from ...collapse.inquiry_contract import inquiry_json
from ...collapse.sentences.numbers import percent
from ...collapse.sentences.of_onset import count
from ...errors import InputError
from ...results.reading import read_curves
from ...results.store import Store
from ..piloting import FILE, pilot_store
from .annealing_gains import gains

# What ladders are judged by: an observable, and under which learning rates.
_JUDGED = (("loss", "decayed"), ("ema_loss", "decayed"), ("averaged_loss", "constant"))
_COLUMNS = ["trial_id", "family", "dataset", "recipe", "spec", "status", "schedule", "rung", "n_params", "seed"]
_COLUMNS += [
    "horizon_steps",
    "step",
    "compute",
    "test_loss",
    "irreducible_loss",
    "train_seconds",
    "eval_seconds",
    "data_seconds",
]
Row = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", help="results folders, with their pilots")
    parser.add_argument("--to", default="runs/study.md", help="the page")
    given = parser.parse_args(arguments)
    Path(given.to).write_text(page_of([Store(folder) for folder in given.results]))
    print(f"written: {given.to}")


def page_of(stores: Sequence[Store]) -> str:
    """The page, in Markdown.

    Raises
    ------
    InputError
        No ladder's training lengths were found by a pilot.
    """
    read = [[each.table(_COLUMNS).to_pylist() for each in (pilot_store(store), store)] for store in stores]
    answers = [
        (_Trials(of_pilots, of_ladders, answer), answer)
        for store, (of_pilots, of_ladders) in zip(stores, read, strict=True)
        for answer in _answers(store, of_ladders)
    ]
    lengths = [(trials, answer) for trials, answer in answers if answer["asks"] == "training length"]
    if not lengths:
        raise InputError(f"no pilot's training lengths are in {', '.join(store.uri for store in stores)}")
    rates = {(a["family"], a["dataset"], _data_of(a)): a for _, a in answers if a["asks"] == "learning rate"}
    asked = list({_name(answer): (trials, answer) for trials, answer in reversed(lengths)}.values())[::-1]
    ladders = sorted((row for _, of_ladders in read for row in of_ladders), key=lambda row: row["n_params"])
    trained = {row["recipe"]: _Trained.of(row) for row in ladders}  # of each ladder's largest size
    groups = [(of, group, trained[group["recipe"]]) for of, group in _groups(stores)]
    tables = [
        _HEAD,
        _table(_RATES, [_rate_row(answer, rates) for _, answer in asked]),
        _LENGTH_WORDS,
        _table(_LENGTHS, [_length_row(answer) for _, answer in lengths]),
        _SENSITIVITY_WORDS,
        _table(_SENSITIVITY, [_sensitivity_row(answer) for _, answer in lengths]),
        _GAIN_WORDS,
        _table(_GAINS, [row for trials, answer in asked for row in _gain_rows(trials, answer)]),
        _VERDICT_WORDS,
        _table(_VERDICTS, [_verdict_row(*each) for each in groups]),
        _ONSET_WORDS,
        _table(_ONSETS, [row for each in groups for row in _onset_rows(*each)]),
        *(_onset_words(*each) for each in groups if each[1]["onset"]),
        _COST_WORDS,
        _table(_COSTS, [_cost_row(trials, answer) for trials, answer in asked]),
    ]
    return "\n".join(tables) + "\n"


class _Trials:
    """The trials of a family on a data set that an answer is about: of its pilots, and of its ladders."""

    def __init__(self, of_pilots: Sequence[Row], of_ladders: Sequence[Row], answer: Row) -> None:
        mine = answer["family"], answer["dataset"], _data_of(answer)
        self.of_pilots, self.of_ladders = (
            [row for row in rows if (row["family"], row["dataset"], _data(row["spec"])) == mine]
            for rows in (of_pilots, of_ladders)
        )


def _answers(store: Store, of_ladders: Sequence[Row]) -> Iterator[Row]:
    """What the pilots of a results folder found, for the settings that its ladders have."""
    found = list((pilot_store(store).read_json(FILE) or {}).values())
    trained = {(row["family"], row["dataset"], _data(row["spec"])) for row in of_ladders}
    for answer in found:
        if (answer["family"], answer["dataset"], _data_of(answer)) in trained:
            yield answer


def _data(spec: str) -> str:
    """The parameters of the data set that a trial was trained on."""
    return json.dumps(json.loads(spec)["dataset"]["params"], sort_keys=True)


def _data_of(answer: Row) -> str:
    from ...benchmark.sweep import named
    from ...datasets.dataset import DATASETS

    return json.dumps(DATASETS.make(*named(answer["group"]["datasets"][0])).ref.to_dict()["params"], sort_keys=True)


def _groups(stores: Sequence[Store]) -> Iterator[tuple[str, Row]]:
    """The analysis of each ladder: of its loss and, where they were recorded, of the losses of averaged weights."""
    rows = [row for store in stores for row in store.table(["observables"]).to_pylist()]
    recorded = {entry["name"] for row in rows for entry in row["observables"] or []} | {"loss"}
    for of, leg in _JUDGED:
        if of in recorded:
            curves = read_curves([store.uri for store in stores], of)
            found = inquire(curves, ["onset"], rng=np.random.default_rng(0), irreducible_loss="known")
            yield from ((of, group) for group in inquiry_json(found)["groups"] if group["leg"] == leg)


class _Trained(NamedTuple):
    """A ladder's peak learning rate, its updates as they grow with the parameters, and its largest size."""

    rate: str
    updates: str
    largest: int

    @classmethod
    def of(cls, row: Row) -> _Trained:
        spec = json.loads(row["spec"])
        return cls(f"{spec['peak_lr']:.3g}", spec["horizon_rule"].partition(",")[0], row["n_params"])


def _name(row: Row) -> str:
    return f"{row['family']} on {row['dataset']}"


def _estimate(found: Row, digits: str = ".3g") -> str:
    return f"{found['value']:{digits}} ({found['low']:{digits}} to {found['high']:{digits}})"


def _rate_row(answer: Row, rates: Mapping[Any, Row]) -> list[str]:
    rate = rates.get((answer["family"], answer["dataset"], _data_of(answer)))
    if rate is None:
        return [_name(answer), "not asked for", "", "", ""]
    small, large, slope = (_estimate(rate[name]) for name in ("rate", "larger", "slope"))
    return [_name(answer), f"{small} at {rate['rungs'][0]}", f"{large} at {rate['rungs'][1]}", slope, rate["tuned"]]


def _length_row(answer: Row) -> list[str]:
    t, g, c = (answer[name] for name in ("updates", "exponent", "compute_exponent"))
    at = f"{count(t['value'])} ({count(t['low'])} to {count(t['high'])}) at {count(answer['first'])}"
    sizes = f"{len(answer['crossings']) + 1}"
    return [_name(answer), answer["group"]["horizon"]["of"], sizes, at, _estimate(g), _estimate(c)]


def _sensitivity_row(answer: Row) -> list[str]:
    at = {round(100 * one["factor"]): one for one in answer.get("sensitivity", [])}
    shares = (_bounded(at.get(share, {})) for share in (60, 80, 100, 120, 140))
    return [_name(answer), answer["group"]["horizon"]["of"], *shares]


def _bounded(found: Row) -> str:
    if found.get("deviation") is None:
        return "-"
    low, high = (found[name] or 0.0 for name in ("lower_bound", "upper_bound"))
    return f"{percent(found['deviation'])} ({percent(low)} to {percent(high)})"


def _verdict_row(of: str, group: Row, trained: _Trained) -> list[str]:
    sizes = f"{group['n_rungs']} x {group['n_seeds']}"
    verdict = f"{group['verdict']} ({group['evidence']})"
    return [_name(group), of, trained.rate, trained.updates, sizes, _bounded(group), verdict, group["reason"] or ""]


def _onset_words(of: str, group: Row, trained: _Trained) -> str:
    said = f"rate {trained.rate}, {trained.updates} updates"
    return f"* {_name(group)}, {of}, {said}: {group['onset']['onset']['sentence']}."


def _onset_rows(of: str, group: Row, trained: _Trained) -> Iterator[list[str]]:
    for one in (group["onset"] or {}).get("onset", {}).get("sub_ladders", []):
        within = "yes" if one["within_margin"] else "no"
        at = f"{one['model_size']} ({count(one['size'])} parameters)"
        drift = percent(one["deviation"] / math.log2(trained.largest / one["size"]))
        yield [_name(group), of, trained.updates, at, f"{one['n_sizes']}", _bounded(one), drift, within]


def _gain_rows(trials: _Trials, answer: Row) -> Iterator[list[str]]:
    """A line for each size that has a trunk of at least t* updates beside its runs of t* whose rate decays."""
    for one in gains(trials.of_pilots, trials.of_ladders):
        ratio = _estimate(dataclasses.asdict(one.ratio), ".2f")
        yield [_name(answer), f"{one.rung} ({count(one.n_params)} parameters)", count(one.updates), ratio]


def _cost_row(trials: _Trials, answer: Row) -> list[str]:
    return [_name(answer), _spent(trials.of_pilots), _spent(trials.of_ladders)]


def _spent(rows: Sequence[Row]) -> str:
    """Trials, minutes of a core and FLOPs."""
    seconds = sum(row[name] or 0.0 for row in rows for name in ("train_seconds", "eval_seconds", "data_seconds"))
    flops = float(sum(row["compute"][-1] for row in rows if row["compute"]))
    return f"{len(rows)} trials, {seconds / 60:.1f} min, {flops:.1e} FLOPs"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows)]
    return "\n" + "\n".join(lines) + "\n"


_HEAD = """# Networks at compute-optimal training lengths

Each family is trained as `onecurve run core` trains it: at the learning rate that a pilot found best, for the number of
updates after which the next model size becomes the better use of compute, found by a second pilot on the family's own
smaller sizes. `python -m onecurve.scripts.publish.study_table RESULTS` makes this page. [The
method](../../docs/method.md) has the tests.

## Learning rates

The best rate of a small and of a larger model size, after equally many updates, with its 95 % interval; the slope is
that of the log rate against the log of the parameters, 0 where it transfers. The ladder trains at the first."""
_RATES = ("family", "best rate", "best rate of a larger size", "slope", "tuned")
_LENGTH_WORDS = """
## Training lengths

`t*` at the smallest size of the pilot, growing as the parameters to the exponent; compute at t* grows as the parameters
to 1 + gamma. Sizes are compared by the loss of averaged weights: over some 30 updates (`ema-loss`), or over 5 % of the
training so far (`averaged-loss`)."""
_LENGTHS = ("family", "compared by", "model sizes", "t* (updates) at parameters", "exponent of t*", "1 + gamma")
_SENSITIVITY_WORDS = """
The pilot's runs at a constant rate, cut at training lengths that grow with other exponents: how far they deviate from a
common curve, with 95 % bounds, at shares of the exponent that was found.

![Pilot of the multilayer perceptron: trunks, crossings, and the deviation at other exponents](pilot.png)"""
_SENSITIVITY = ("family", "compared by", "60 %", "80 %", "100 %", "120 %", "140 %")
_GAIN_WORDS = """
What the decay of the rate gains: the reducible loss after t* updates at a constant rate over that after t* updates
whose rate decays to zero, with 95 % intervals over seeds (Welch's), for the sizes that pilot and ladder share."""
_GAINS = ("family", "model size", "updates", "annealing gain")
_VERDICT_WORDS = """
## Verdicts

`loss` is the test loss, and `ema_loss` that of weights averaged over some 30 updates, which has less noise: ladders
under a rate that decays to zero. `averaged_loss` is that of weights averaged over 5 % of the training so far, which has
the same time scale at all lengths: ladders at a constant rate. Updates grow with the parameters p from those of the
ladder's smallest size, p1."""
_VERDICTS = ("family", "of", "peak rate", "updates", "sizes x seeds", "deviation (95 % bounds)", "verdict", "why")
_ONSET_WORDS = """
## From which size on?

The same for ladders that begin at a larger size, with their simultaneous 95 % bounds. Such a ladder also spans less:
what drifts evenly with the logarithm of the size deviates less from larger sizes on, and equally much *for a doubling*
of the size, which is the deviation over the binary logarithm of the span.

![Deviation of sub-ladders from a common curve, against their smallest size, of averaged weights](onset.png)"""
_ONSETS = ("family", "of", "updates", "from", "sizes", "deviation (95 % bounds)", "for a doubling")
_ONSETS += ("within the margin",)
_COST_WORDS = """
## What it took

Minutes of one core, some of them while other work ran beside, and training FLOPs."""
_COSTS = ("family", "pilots", "ladder")


if __name__ == "__main__":
    main()

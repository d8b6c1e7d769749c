"""What a trial takes is estimated before it is trained: whole updates, its evaluations, and nothing of other work."""

from __future__ import annotations

import time

from onecurve.benchmark.resolve import dataset_of_cell, resolve, trial
from onecurve.benchmark.sweep import expand, sweep_of
from onecurve.benchmark.timing import shortest
from onecurve.benchmark.train import train

GROUP = {
    "families": "mlp",
    "datasets": {"name": "glyphs", "test_size": 4096},
    "rungs": [8],
    "seeds": 2,
    "peak_lr": 0.01,
}


def test_a_short_trial_takes_what_was_planned():
    """Of so few updates most of the time is that of evaluations: updates alone are an eighth of it."""
    group = {**GROUP, "batch_size": 16, "pack": True, "horizon": {"rule": "steps", "steps": 60}}
    (cell,) = expand(sweep_of({"name": "short", "groups": [group]}, "short"))
    dataset_of_cell(cell).test_set()
    found = resolve(cell)
    specs = [trial(cell, seed, batch_size=16, horizon_steps=60, packed=True) for seed in cell.settings.seed_list]
    train(specs)  # what is made once a process is no trial's
    began = time.thread_time()
    train(specs)
    took = (time.thread_time() - began) / len(specs)
    assert 0.4 < found.seconds / took < 2.5
    assert found.step_seconds * 60 < took / 2 < 2 * found.beside_seconds


def test_what_others_do_meanwhile_is_not_counted(one_thread):
    """Sleeping stands for the time that other processes take; of the calls the shortest counts."""
    work = iter([0.0, 0.03, 0.0, 0.03])

    def call():
        time.sleep(0.02)
        until = time.thread_time() + next(work)
        while time.thread_time() < until:
            pass

    assert shortest(call, 0.0, least=3) < 0.01
    assert next(work, None) is None

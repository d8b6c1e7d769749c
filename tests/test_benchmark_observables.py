"""Clock-free views: losses of a task's parts that add up to its loss, and that change no curve."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from onecurve.benchmark import runner
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.sweep import load_sweep
from onecurve.benchmark.train import train
from onecurve.datasets.dataset import DATASETS, TestSet
from onecurve.datasets.views import character_class, token_class_view
from onecurve.results.store import Store
from onecurve.results.transfer import export
from onecurve.results.trials import TrialSpec
from onecurve.task import Task
from small_trials import small_trial

RECORD = [observable_from("views")]
TINY = {"inputs": 2, "modes": 64, "pool": 8192, "test_size": 256}


def spec(**changes) -> TrialSpec:
    return small_trial(dataset=("fourier", TINY), **{"batch_size": 32} | changes)


@pytest.fixture(scope="module")
def teacher():
    return DATASETS.make("fourier", {"inputs": 4, "modes": 3000, "pool": 1000, "test_size": 4096})


def shells(teacher):
    """Values of the teacher's waves between successive edges of |k|, by the formula: ``(n, S)`` and their variances."""
    vectors, amplitudes = teacher.waves
    length = np.linalg.norm(vectors, axis=1)
    edges = [*np.sqrt(2.0) ** np.arange(len(teacher.views(teacher.test_set()).names) - 1), np.inf]
    points = teacher.test_set().inputs.numpy().astype(float)
    waves = np.sqrt(2) * np.real(np.exp(2j * np.pi * points @ vectors.T) * amplitudes)
    inside = [(length >= low - 1e-6) & (length < high - 1e-6) for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return np.stack([waves[:, mask].sum(axis=1) for mask in inside], axis=1), np.array(
        [(np.abs(amplitudes[mask]) ** 2).sum() for mask in inside]
    )


def test_shells_of_a_network_that_has_some_of_them(teacher, evaluate):
    test = teacher.test_set()
    view = teacher.views(test)
    parts, variances = shells(teacher)
    assert variances.sum() == pytest.approx(1)
    assert view.names[0] == "waves 1 to 1.4" and view.names[-1] == "rest"
    learned = np.linspace(1.0, 0.0, len(variances))  # the first shell whole, the last not at all
    outputs = torch.tensor(np.stack([np.zeros(len(parts)), parts @ learned]), dtype=torch.float32)[..., None]
    first = {row.numpy().tobytes(): i for i, row in enumerate(test.inputs)}

    def predict(inputs):
        start = first[inputs[0].numpy().tobytes()]
        return outputs[:, start : start + len(inputs)]

    found = evaluate(predict, teacher.task, test, view).observables
    assert found[0, :-1] == pytest.approx(variances, rel=1e-4)  # nothing is learned: each shell is its own power
    assert found[1, :-1] == pytest.approx(variances * (1 - learned) ** 2, rel=1e-4, abs=1e-7)
    assert found[:, -1] == pytest.approx([0, 0], abs=1e-6)


def test_what_the_teacher_does_not_have_is_the_rest(teacher):
    test = teacher.test_set()
    view = teacher.views(test)
    _, variances = shells(teacher)
    residual = -test.targets.double() + 0.3 * torch.randn(4096, 1, generator=torch.Generator().manual_seed(0))
    sums = view.sums(slice(None), (test.targets + residual)[None])
    found = view.values(sums)[0].numpy()
    assert found[:-1] == pytest.approx(variances, abs=0.03)
    assert found[-1] == pytest.approx(0.09, rel=0.1)
    assert found.sum() == pytest.approx(float(residual.square().mean()), rel=0.03)


@pytest.mark.parametrize("name", ["noisy-fourier", "manifold-teacher"])
def test_what_is_made_of_a_teacher_has_its_shells(name, evaluate):
    waves = {key: value for key, value in TINY.items() if key != "inputs"} | {"modes": 256, "test_size": 2048}
    data = DATASETS.make(name, waves)
    test = data.test_set()
    view = data.views(test)
    nothing = evaluate(lambda inputs: torch.zeros(1, len(inputs), 1), data.task, test, view)
    assert len(view.names) > 3 and view.names[0] == "waves 1 to 1.4"
    assert nothing.observables[0, :-1].sum() == pytest.approx(1, abs=1e-6)  # the variance of the target
    assert nothing.observables[0, -1] == pytest.approx(0, abs=1e-6)
    assert nothing.loss[0] - test.offset == pytest.approx(1, rel=0.1)


def test_token_classes_weighted_by_their_share_are_the_loss(evaluate):
    assert [character_class(c) for c in "aZ7 \n_("] == [
        *("letters", "letters", "digits", "whitespace", "whitespace", "punctuation", "punctuation")
    ]
    task = Task(kind="tokens", shape=(4,), outputs=3, loss="cross_entropy", vocabulary=3)
    targets = torch.tensor([[0, 0, 1, 0], [0, 1, 1, 0]])
    test = TestSet(inputs=targets, targets=targets)
    view = token_class_view(targets, ["a", "b", "never"])
    logits = torch.randn(2, 2, 4, 3, generator=torch.Generator().manual_seed(0))
    seen = evaluate(lambda inputs: logits, task, test, view)
    assert view.names == ("a", "b")
    by_hand = -logits.log_softmax(-1)
    for r in range(2):
        of_a = [float(by_hand[r, i, j, 0]) for i, j in ((0, 0), (0, 1), (0, 3), (1, 0), (1, 3))]
        assert seen.observables[r, 0] == pytest.approx(np.mean(of_a))
        assert seen.observables[r] @ [5 / 8, 3 / 8] == pytest.approx(seen.loss[r])


def test_views_change_no_curve_and_do_not_depend_on_the_pack():
    pack = [spec(seed=seed) for seed in range(5)]
    plain, seen = train(pack), train(pack, record=RECORD)
    assert [trial.test_loss for trial in plain] == [trial.test_loss for trial in seen]
    assert plain[0].observables == {}
    assert {len(values) for values in seen[2].observables.values()} == {len(seen[2].step)}
    assert train(pack[2:4], record=RECORD)[0].observables == seen[2].observables
    assert train(pack[2:3], record=RECORD)[0].observables == seen[2].observables
    first = {name: values[0] / values[-1] for name, values in seen[0].observables.items()}
    assert first["waves 1 to 1.4"] > 1.5  # the slow waves are learned first


def test_views_are_kept_and_exported(tiny, tmp_path):
    runner.run(load_sweep(str(tiny(views=True))), Store(tmp_path / "run"), InProcess())
    rows = Store(tmp_path / "run").table(["family", "step", "observables", "train_seconds", "data_seconds"]).to_pylist()
    for row in rows:
        assert {len(each["value"]) for each in row["observables"]} <= {len(row["step"])}
        assert bool(row["observables"]) == (row["family"] == "mlp")
        assert 0 < row["data_seconds"] < row["train_seconds"]
    paths = export(Store(tmp_path / "run"), tmp_path / "out", "csv")
    assert [path.name for path in paths] == ["trials.csv", "curves.csv", "observables.csv"]
    frame = pl.read_csv(paths[2])
    assert frame.columns[-6:] == ["step", "x", "test_loss", "name", "value", "scale"]
    assert set(frame["scale"]) == {"as-given"}
    assert frame["trial_id"].n_unique() == 9
    split = frame.group_by("trial_id", "step").agg(pl.col("value").sum(), pl.col("test_loss").first())
    assert np.allclose(split["value"], split["test_loss"], rtol=0.15)  # on 256 examples shells are nearly orthogonal

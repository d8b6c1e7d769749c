"""Training: schedules, evaluation points, and curves that depend on their trial alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.parametrization import Multiplier
from onecurve.benchmark.evaluation import eval_steps
from onecurve.benchmark.losses import example_losses
from onecurve.benchmark.optimisers.optimiser import OPTIMISERS
from onecurve.benchmark.schedules.schedule import schedule_of
from onecurve.benchmark.train import train
from onecurve.benchmark.update import Update
from onecurve.benchmark.update_clock import UpdateClock
from onecurve.datasets.dataset import DATASETS, TestSet
from onecurve.errors import InputError
from onecurve.results.trials import TrialSpec
from onecurve.task import Ref, Task
from small_trials import small_trial

TINY_FOURIER = ("fourier", {"inputs": 2, "modes": 64, "pool": 8192, "test_size": 256})


def spec(family="mlp", dataset=TINY_FOURIER, **changes) -> TrialSpec:
    return small_trial(family, dataset, **{"batch_size": 32, "horizon_steps": 60} | changes)


def curves(pack) -> np.ndarray:
    return np.array([trial.test_loss for trial in train(pack)])


def seeds(n, **changes):
    return [spec(seed=s, **changes) for s in range(n)]


def schedule(text, horizon, warmup):
    return schedule_of(text).relative(horizon, warmup)


def test_schedules_in_closed_form():
    assert schedule("linear", 4, 0).tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert schedule("constant", 3, 0).tolist() == [1.0] * 4
    assert schedule("cosine", 2, 0) == pytest.approx([1.0, 0.5, 0.0])
    warm = schedule("linear", 10, 0.2)
    assert warm[:3].tolist() == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert warm[-1] == 0.0


@pytest.mark.parametrize(("horizon", "warmup"), [(200, 0.01), (1234, 0.0), (4000, 0.02)])
def test_evaluation_points_cover_the_grid(horizon, warmup):
    steps = eval_steps("v1", horizon, warmup)
    x_min = max(0.1, 10 * warmup)
    x = np.array(steps) / horizon
    assert x[0] == 0 and x[-1] == 1
    assert np.any((x <= x_min) & (x > x_min - 1 / horizon - 1e-12))
    for point in np.geomspace(x_min, 0.98, 24):
        assert np.min(np.abs(x - point)) <= 0.5 / horizon + 1e-12
    assert len(steps) <= 31


def test_losses_by_hand():
    vector = Task(kind="vector", shape=(2,), outputs=2, loss="squared_error")
    outputs, targets = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    assert example_losses(vector, outputs, targets).tolist() == [2.5, 1.0]
    tokens = Task(kind="tokens", shape=(2,), outputs=4, loss="cross_entropy", vocabulary=4)
    even = example_losses(tokens, torch.zeros(3, 2, 4), torch.zeros(3, 2, dtype=torch.long))
    assert even.tolist() == pytest.approx([np.log(4)] * 3)


def test_evaluation_means_errors_and_accuracy(evaluate):
    task = Task(kind="vector", shape=(1,), outputs=2, loss="cross_entropy")
    test = TestSet(inputs=torch.zeros(4, 1), targets=torch.tensor([0, 0, 0, 1]))
    logits = torch.tensor([[0.0, 0.0], [2.0, 0.0]])  # two replicas: undecided, leaning to class 0
    seen = evaluate(lambda inputs: logits[:, None].expand(2, len(inputs), 2), task, test)
    right, wrong = -np.log(1 / (1 + np.exp(-2))), -np.log(1 / (1 + np.exp(2)))
    assert seen.loss == pytest.approx([np.log(2), (3 * right + wrong) / 4])
    assert seen.accuracy == pytest.approx([0.75, 0.75])
    assert seen.loss_se == pytest.approx([0.0, np.std([right] * 3 + [wrong], ddof=1) / 2])


def test_weighted_test_sets_give_a_closed_form(evaluate):
    task = Task(kind="vector", shape=(1,), outputs=1, loss="squared_error")
    test = TestSet(
        inputs=torch.zeros(2, 1), targets=torch.tensor([[1.0], [2.0]]), weights=torch.tensor([3.0, 0.5]), offset=0.25
    )
    seen = evaluate(lambda inputs: torch.zeros(1, len(inputs), 1), task, test)
    assert seen.loss.tolist() == [3.0 * 1 + 0.5 * 4 + 0.25]


@pytest.mark.parametrize("packed", [True, False])
def test_a_curve_does_not_depend_on_what_ran_before(packed):
    alone = curves([spec(packed=packed)])
    torch.manual_seed(99)
    torch.randn(7)
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    try:
        before = torch.get_rng_state()
        again = curves([spec(packed=packed)])
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.get_default_dtype() == torch.float64 and torch.get_num_threads() == 2
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(1)
    assert np.array_equal(alone, again)


@pytest.mark.parametrize("family", ["mlp", "resmlp", "linear"])
def test_bits_of_a_replica_do_not_depend_on_its_pack(family):
    kind = {"rung": {"features": 16}, "dataset": ("power-law-regression",)} if family == "linear" else {}
    whole = curves(seeds(9, family=family, **kind))
    assert np.array_equal(curves(seeds(9, family=family, **kind)[2:5]), whole[2:5])
    assert np.array_equal(curves(seeds(9, family=family, **kind)[:2]), whole[:2])
    assert np.array_equal(curves(seeds(9, family=family, **kind)[4:5]), whole[4:5])


def test_seeds_differ_and_learn():
    found = curves(seeds(4))
    assert len({tuple(curve) for curve in found}) == 4
    assert np.all(found[:, -1] < 0.8 * found[:, 0])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_packed_equals_looped_in_float64(optimizer):
    kind = {"optimizer": OPTIMISERS.make(optimizer).ref, "precision": "float64", "horizon_steps": 500}
    packed, looped = curves(seeds(4, **kind)), curves(seeds(4, packed=False, **kind))
    assert np.max(np.abs(packed / looped - 1)) < 1e-9


def test_packed_equals_looped_in_float32_at_first():
    kind = {"horizon_steps": 10, "warmup_fraction": 0.0}
    packed, looped = curves(seeds(4, **kind)), curves(seeds(4, packed=False, **kind))
    assert np.max(np.abs(packed / looped - 1)) < 1e-5


@pytest.mark.slow
def test_packing_has_no_bias_in_the_long_run():
    kind = {"horizon_steps": 1500, "batch_size": 64}
    packed, looped = curves(seeds(32, **kind))[:, -1], curves(seeds(32, packed=False, **kind))[:, -1]
    difference = np.log(packed) - np.log(looped)
    assert difference.std(ddof=1) < np.log(looped).std(ddof=1) / 3
    assert abs(difference.mean()) < 3 * difference.std(ddof=1) / np.sqrt(32)


def test_a_diverged_replica_leaves_the_others_bit_equal(monkeypatch):
    healthy = curves(seeds(4))
    stream = DATASETS.make(*TINY_FOURIER).stream
    kind = type(DATASETS.make("fourier"))

    class Poisoned:
        def __init__(self, inner):
            self.inner = inner

        def batch(self, step, size):
            inputs, targets = self.inner.batch(step, size)
            return inputs, targets * float("nan") if step == 20 else targets

    monkeypatch.setattr(kind, "stream", lambda self, seed: Poisoned(stream(seed)) if seed == 2 else stream(seed))
    trials = train(seeds(4))
    assert [trial.status for trial in trials] == ["ok", "ok", "diverged", "ok"]
    assert trials[2].last_step is not None and trials[2].last_step <= 20
    assert "nan" in str(trials[2].reason)
    for i in (0, 1, 3):
        assert trials[i].test_loss == healthy[i].tolist()


def test_maximal_update_changes_training_above_the_base_rung():
    wide = {"rung": {"width": 48}}
    standard = curves([spec(parametrization=Ref(name="standard"), **wide)])
    assert not np.array_equal(curves([spec(**wide)]), standard)


def test_another_version_is_refused():
    family = dataclasses.replace(FAMILIES.make("mlp").ref, version="0")
    with pytest.raises(InputError, match="family 'mlp' is at version 1 here, the trial was made with 0"):
        train([dataclasses.replace(spec(), family=family)])


def test_a_closed_form_for_affine_networks_refuses_others():
    with pytest.raises(InputError, match="'power-law-regression' is a formula.*'mlp' is not.*test_size: 4096"):
        train([spec(dataset=("power-law-regression",))])
    assert train([spec(dataset=("power-law-regression", {"test_size": 64}))])[0].status == "ok"


class Given:
    """Weights whose gradients the test gives: as a batch, which the loss multiplies them by."""

    def __init__(self, weights, packed):
        self.weights, self.count = dict(weights), 5 if packed else 1
        if not packed:
            self.model = None  # what tells a single network

    def named_parameters(self):
        return iter(self.weights.items())

    def losses(self, inputs, targets):
        used = [(self.weights[name] * gradient).sum() for name, gradient in inputs.items()]
        return torch.stack(used).sum()[None]

    def buffers(self):
        return []


@pytest.mark.parametrize(("name", "packed"), [("adam", False), ("adam", True), ("sgd", False)])
def test_updates_are_those_of_torchs_classes_bit_for_bit(name, packed):
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=generator) for shape in ((5, 7, 3), (5, 7), (5, 2, 7), (5, 4))]
    ours, theirs = ([torch.nn.Parameter(value.clone()) for value in start] for _ in range(2))
    factors = {"0": 1.0, "1": 0.25, "2": 1.0, "3": 0.5}
    drawn = [[torch.randn(p.shape, generator=generator) for p in start] for _ in range(30)]
    # Under SGD every fifth time there is a weight that is not used. Adam counts the updates of the pack, torch those of
    # the weight, so for Adam it is a weight that is used at every update or, the fourth, at none.
    unused = {(1, step) for step in range(0, 30, 5)} if name == "sgd" else set()
    given = [
        {str(i): gradient for i, gradient in enumerate(each[:3]) if (i, step) not in unused}
        for step, each in enumerate(drawn)
    ]

    class Batches:
        def at(self, clock):
            return given[clock.number], None

    optimiser, replicas = OPTIMISERS.make(name), Given(((str(i), p) for i, p in enumerate(ours)), packed)
    rates = np.array([[0.1 / (1 + step)] * replicas.count for step in range(30)])
    clock = UpdateClock(rates, optimiser.tables(30), torch.device("cpu"))
    table = {key: Multiplier(1.0, factor, "hidden") for key, factor in factors.items()}
    update = Update(replicas, optimiser, clock, Batches(), multipliers=table)
    groups = [{"params": [theirs[0], theirs[2]]}, {"params": [theirs[1]]}, {"params": [theirs[3]]}]
    adam = {"betas": (0.9, 0.95), "eps": 1e-8, "fused": not packed, "foreach": False}
    reference = torch.optim.Adam(groups, **adam) if name == "adam" else torch.optim.SGD(groups)
    for step in range(30):
        for group, factor in zip(reference.param_groups, (1.0, 0.25, 0.5), strict=True):
            group["lr"] = 0.1 / (1 + step) * factor
        for i, q in enumerate(theirs):
            q.grad = given[step].get(str(i))
        update()
        reference.step()
    moved = [not torch.equal(p, before) for p, before in zip(ours, start, strict=True)]
    assert all(map(torch.equal, ours, theirs)) and moved == [True, True, True, False]
    update.clear()
    assert all(p.grad is None for p in ours)

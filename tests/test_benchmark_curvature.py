"""Curvature against the exact Hessian of small networks, by torch's own functional derivatives and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onecurve.benchmark.curvature import largest_eigenvalues
from onecurve.benchmark.devices import CPU
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.train import Lanes, dataset_of, family_of, train
from onecurve.task import Ref
from small_trials import GLYPHS, small_trial
from torch.func import functional_call

SMALL = {"precision": "float64", "rung": {"width": 5}, "family": ("mlp", {"depth": 2}), "packed": False}
BOTH = [observable_from(name) for name in ("sharpness", "preconditioned-sharpness")]
TIGHT = {"tolerance": 1e-6}


def lane(specs, record=()):
    lane = Lanes(family_of(specs[0]), dataset_of(specs[0]), record, CPU)(specs)
    lane.load()
    return lane


def probe_of(lane):
    return lane._recorder._probe()


def exact(lane, row=0):
    """Loss of the next batch as a function of one vector, that vector, and the exact Hessian there."""
    replicas, (inputs, targets) = lane.update.replicas, lane.update.batch()
    named = list(replicas.named_parameters())
    point = torch.cat([p.detach()[row].reshape(-1) for _, p in named])

    def loss(vector):
        parts = vector.split([p[row].numel() for _, p in named])
        weights = {n: part.reshape(p[row].shape) for (n, p), part in zip(named, parts, strict=True)}
        outputs = functional_call(lane.plain, weights, (inputs[row],))
        return (outputs - targets[row]).square().mean()

    return loss, point, torch.autograd.functional.hessian(loss, point).numpy()


def packed(**changes):
    """Two packed networks after some updates."""
    specs = [small_trial(**{**SMALL, "packed": True, "horizon_steps": 60, "seed": s, **changes}) for s in (0, 1)]
    made = lane(specs)
    made.plain = family_of(specs[0]).build(specs[0].rung, dataset_of(specs[0]).task).double()
    for _ in range(30):
        made.load()
        made.update()
    made.load()
    return made


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_sharpness_is_the_largest_eigenvalue_of_the_exact_hessian(optimizer):
    made = packed(optimizer=optimizer, parametrization=Ref(name="standard"))
    plain = observable_from({"name": "sharpness", **TIGHT}).measure(made.update.replicas, probe_of(made))
    seen = observable_from({"name": "preconditioned-sharpness", **TIGHT}).measure(made.update.replicas, probe_of(made))
    for row in range(2):
        _, _, hessian = exact(made, row)
        assert plain[row, 0].item() == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-5)
        if optimizer == "sgd":
            assert seen[row].item() == plain[row].item()
            continue
        second = torch.cat([state["second"][row].reshape(-1) for state in made.update.state]).numpy()
        divisor = (1 - 0.9**30) * (np.sqrt(second / (1 - 0.95**30)) + 1e-8)
        whole = np.linalg.eigvals(hessian / divisor[:, None]).real.max()  # P^-1 H has the same eigenvalues
        assert seen[row, 0].item() == pytest.approx(whole, rel=1e-5)


def test_rates_of_the_parametrisation_are_part_of_the_preconditioner():
    made = packed(optimizer="sgd", rung={"width": 36})
    factors = [weight.multiplier for weight in made.update.weights]
    assert max(factors) > 1.4 * min(factors)
    seen = observable_from({"name": "preconditioned-sharpness", **TIGHT}).measure(made.update.replicas, probe_of(made))
    _, _, hessian = exact(made)
    sizes = [weight.tensor[0].numel() for weight in made.update.weights]
    whole = np.linalg.eigvals(hessian * np.repeat(factors, sizes)[:, None]).real.max()
    assert seen[0, 0].item() == pytest.approx(whole, rel=1e-5)


def test_noise_of_the_gradient_is_that_of_the_examples_gradients():
    made = packed(optimizer="sgd")
    inputs, targets = made.update.batch()
    found = observable_from({"name": "gradient-noise", "parts": 16}).measure(made.update.replicas, probe_of(made))
    each = []
    for i in range(16):
        weights = {n: p.detach()[0].clone().requires_grad_() for n, p in made.update.replicas.named_parameters()}
        outputs = functional_call(made.plain, weights, (inputs[0, i : i + 1],))
        loss = (outputs - targets[0, i : i + 1]).square().mean()
        each.append(torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, list(weights.values()))]).numpy())
    trace = np.trace(np.cov(np.array(each).T))
    square = np.sum(np.mean(each, axis=0) ** 2) - trace / 16
    assert found[0, 0].item() == pytest.approx(trace, rel=1e-8)
    assert found[0, 1].item() == pytest.approx(trace / square, rel=1e-8) if square > 0 else np.isnan(found[0, 1].item())


def test_critical_sharpness_of_a_quadratic_is_its_curvature_along_the_step():
    changes = {"family": "linear", "dataset": ("power-law-regression", {}), "rung": {"features": 8}, "optimizer": "sgd"}
    made = packed(**changes)
    found = observable_from("critical-sharpness").measure(made.update.replicas, probe_of(made))
    for row in range(2):
        loss, point, hessian = exact(made, row)
        slope = torch.autograd.functional.jacobian(loss, point).numpy()
        steps = np.concatenate([np.full(w.tensor[row].numel(), w.multiplier) for w in made.update.weights]) * slope
        curvature = steps @ hessian @ steps / (slope @ steps)
        assert found[row, 0].item() == pytest.approx(curvature, rel=0.01)


def test_critical_sharpness_of_a_network_is_where_the_loss_comes_back():
    made = packed(optimizer="adam")
    found = observable_from({"name": "critical-sharpness", "tolerance": 1e-4, "passes": 40})
    value = found.measure(made.update.replicas, probe_of(made))[0, 0].item()
    from onecurve.benchmark.next_step import direction

    loss, point, _ = exact(made)
    steps = direction(made.update)
    vector = torch.cat([steps[n][0].reshape(-1) for n, _ in made.update.replicas.named_parameters()])
    here = loss(point).item()
    assert loss(point + 0.97 * 2 / value * vector).item() < here < loss(point + 1.03 * 2 / value * vector).item()


def test_a_search_that_does_not_end_is_missing():
    made = packed(optimizer="adam")
    found = observable_from({"name": "critical-sharpness", "tolerance": 1e-9, "passes": 2})
    assert torch.isnan(found.measure(made.update.replicas, probe_of(made))).all()


def test_an_iteration_that_does_not_get_there_is_missing():
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(40, 40, generator=generator, dtype=torch.float64)
    matrix = drawn @ drawn.T
    bad = torch.full((1, 40), torch.nan, dtype=torch.float64)
    start = torch.ones(1, 40, dtype=torch.float64)
    top = np.linalg.eigvalsh(matrix.numpy())[-1]

    def largest(start, iterations):
        return largest_eigenvalues(lambda v: v @ matrix, start, iterations=iterations, tolerance=1e-6)

    assert torch.isnan(largest(start, 3)).all()
    assert largest(start, 40).item() == pytest.approx(top, rel=1e-9)
    both = largest(torch.cat([bad, start]), 40)
    assert torch.isnan(both[0]) and both[1].item() == largest(start, 40).item()


def test_an_optimiser_without_a_diagonal_is_named_and_the_rest_goes_on():
    (plain,) = train([small_trial(optimizer="lion", horizon_steps=12)])
    (seen,) = train([small_trial(optimizer="lion", horizon_steps=12)], record=BOTH)
    assert seen.status == "ok" and seen.test_loss == plain.test_loss
    assert seen.reason == (
        "preconditioned-sharpness was not recorded: the step of 'lion' is no gradient divided by a diagonal"
    )
    assert all(value > 0 for value in seen.observables["sharpness"])
    assert set(seen.observables["preconditioned_sharpness"]) == {None}


def test_test_examples_have_names_of_their_own():
    on_test = observable_from({"name": "sharpness", "on": "test", "examples": 32})
    (seen,) = train([small_trial(dataset=GLYPHS, horizon_steps=12)], record=[BOTH[0], on_test])
    assert set(seen.observables) == {"sharpness", "test_sharpness"}
    assert seen.observables["sharpness"] != seen.observables["test_sharpness"]

"""Settings that are solved exactly, against the formulas that solve them."""

import math

import pytest
import torch
from onecurve.architectures.draws import secluded
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.lazy import ScaledDifference
from onecurve.datasets.solvable import HalfSpace, LinearModes, PeakedSoftmax
from onecurve.errors import InputError


def test_the_modes_are_read_off_a_linear_map_and_its_loss_is_exact():
    data = LinearModes(inputs=6, modes=3)
    test = data.test_set()
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(6, 6, generator=generator)
    outputs = (test.inputs @ weights.T)[None]
    view = data.views(test)
    chunks = [view.sums(slice(first, first + 4), outputs[:, first : first + 4]) for first in range(0, 12, 4)]
    shares = view.values(torch.stack(chunks).sum(0))
    assert view.names == ("mode_1", "mode_2", "mode_3")
    torch.testing.assert_close(shares[0], weights.diagonal()[:3].double() / torch.tensor([4.0, 2.0, 1.0]).double())
    assert test.weights is not None
    loss = (test.weights * (outputs[0] - test.targets).square().mean(-1)).sum()
    target = torch.diag(torch.tensor([4.0, 2.0, 1.0, 0, 0, 0]))
    assert float(loss) == pytest.approx(float((weights - target).square().sum()) / 6, rel=1e-5)


def test_two_small_matrices_learn_a_mode_along_the_logistic_curve():
    """Gradient descent by hand on the population loss of `LinearModes`, with its clock."""
    data = LinearModes()
    with secluded(0):
        net = FAMILIES.make("smalllinear").build({"width": 16}, data.task).double()
    points = math.sqrt(data.inputs) * torch.eye(data.inputs, dtype=torch.float64)
    rate, shares = 0.01, []
    for _ in range(1000):
        loss = (net(points) - points * data.values).square().mean()
        grads = torch.autograd.grad(loss, list(net.parameters()))
        with torch.no_grad():
            for weight, grad in zip(net.parameters(), grads, strict=True):
                weight -= rate * grad
        shares.append(float((net(points[:1])[0, 0] / (4 * math.sqrt(data.inputs))).detach()))
    seen = [(i * rate, math.log(v / (1 - v))) for i, v in enumerate(shares) if 0.05 < v < 0.95]
    slope = (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])
    assert slope == pytest.approx(2, rel=0.02)  # 2 s t with t = 2 tau / 8


def test_classes_follow_from_the_inputs():
    inputs, labels = PeakedSoftmax().stream(0).batch(0, 100)
    assert torch.equal(labels, inputs.argmax(1))
    data = HalfSpace()
    inputs, labels = data.stream(0).batch(0, 2000)
    assert torch.equal(labels, (inputs.double() @ torch.from_numpy(data.normal) > 0).long())
    assert 0.4 < float(labels.double().mean()) < 0.6


def test_two_copies_start_at_zero_with_the_kernel_of_one():
    with secluded(0):
        net = FAMILIES.make("scaledmlp", {"output_scale": 3.0}).build({"width": 24}, LinearModes().task)
    x = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(net(x), torch.zeros(2, 8))
    scaled = next(each for each in net.modules() if isinstance(each, ScaledDifference))

    def kernel(module):
        grads = [torch.autograd.grad(module(x)[i, 0], list(module.parameters())) for i in range(2)]
        rows = [torch.cat([g.flatten() for g in each]) for each in grads]
        return torch.stack([torch.stack([a @ b for b in rows]) for a in rows])

    torch.testing.assert_close(kernel(scaled), 9.0 * kernel(scaled.first))


@pytest.mark.parametrize(
    ("family", "params"),
    [("smalllinear", {"depth": 0}), ("smalllinear", {"scale": 0}), ("scaledmlp", {"output_scale": -1})],
)
def test_impossible_parameters_are_refused(family, params):
    with pytest.raises(InputError, match="takes a depth"):
        FAMILIES.make(family, params)

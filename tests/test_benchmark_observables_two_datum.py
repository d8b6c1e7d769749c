"""How far apart a network takes two points, against plain torch; pairs themselves."""

import numpy as np
import pytest
import torch
from onecurve.benchmark.devices import CPU
from onecurve.benchmark.observables.observable import observable_from
from onecurve.benchmark.train import Lanes, dataset_of, family_of, train
from onecurve.datasets.dataset import DATASETS
from onecurve.datasets.solvable import PointPairs
from onecurve.errors import InputError
from small_trials import GLYPHS, small_trial

PAIRS = ("point-pairs", {"distance": 0.5, "gain": 3.0, "test_size": 16})
PAIR = {"dataset": PAIRS, "batch_size": 2, "train_size": 2, "precision": "float64"}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(("layer", "stop"), [("middle", 5), ("last", 9)])
def test_distances_are_those_of_plain_torch(layer, stop, packed):
    record = [observable_from({"name": "two-datum", "layer": layer})]
    specs = [small_trial(packed=packed, seed=seed, **PAIR) for seed in range(2 if packed else 1)]
    lane = Lanes(family_of(specs[0]), dataset_of(specs[0]), record, CPU)(specs)
    for _ in range(20):
        lane.load()
        lane.update()
    (found,) = lane._recorder.measure(record).values.values()
    net = family_of(specs[0]).build(specs[0].rung, dataset_of(specs[0]).task).double()
    for row, spec in enumerate(specs):
        weights = lane.update.replicas.named_parameters()
        net.load_state_dict({n: (p[row] if packed else p).detach() for n, p in weights})
        x, y = (part.double() for part in dataset_of(spec).stream(spec.seed).batch(0, 512))
        dx, dy, dh, df = ((v[0] - v[1]).detach() for v in (x[:2], y[:2], net[:stop](x[:2]), net(x[:2])))
        wanted = [dh @ dh / 0.25, df @ df / 2.25, (df @ df - df @ dy) / 2.25]
        assert float(dx @ dx) == pytest.approx(0.25, rel=1e-6)
        assert found[row].tolist() == pytest.approx([float(v) for v in wanted], rel=1e-5)
        assert found[row, 1] > 0.01 and abs(found[row, 2]) > 1e-3


def test_what_is_no_pair_of_points_is_refused_or_named():
    with pytest.raises(InputError, match="middle or last"):
        observable_from({"name": "two-datum", "layer": "first"})
    observable = observable_from("two-datum")
    assert "classes" in observable.misfit(family_of(small_trial()), DATASETS.make(*GLYPHS))
    assert observable.misfit(family_of(small_trial()), PointPairs()) is None
    (seen,) = train([small_trial(horizon_steps=8, **{**PAIR, "batch_size": 4, "train_size": 4})], record=[observable])
    assert seen.reason == "two-datum was not recorded: a batch has 4 examples, and a pair two"
    assert [observable.scale_of(name) for name in observable.names] == ["ratio", "ratio", "difference"]


def test_points_come_in_opposite_pairs_at_one_distance():
    data = PointPairs(inputs=5, distance=3.0, gain=0.5)
    inputs, targets = data.stream(4).batch(0, 64)
    assert torch.equal(inputs[::2], -inputs[1::2]) and torch.equal(targets, 0.5 * inputs)
    apart = torch.linalg.vector_norm(inputs[::2] - inputs[1::2], dim=1)
    np.testing.assert_allclose(apart.numpy(), 3.0, rtol=1e-5)
    assert float((inputs[::2] / 1.5).mean(0).abs().max()) < 0.3  # directions are of all sides
    assert len(data.stream(0).batch(0, 7)[0]) == 7

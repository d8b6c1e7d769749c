"""What a trial keeps of its features: what plain torch has, whoever trains beside it, and no change of curves."""

import numpy as np
import pytest
import torch
from onecurve.benchmark.observables.gram import by_example, hidden_layers
from onecurve.benchmark.observables.observable import Unmeasurable, observable_from
from onecurve.benchmark.replicas import Single
from onecurve.benchmark.train import dataset_of, family_of, train
from onecurve.errors import InputError
from onecurve.results.grams import gram_from, packed_gram
from small_trials import FOURIER, GLYPHS, small_trial
from torch import nn

from test_benchmark_checkpoint import Cut  # isort: skip

GRAM = [observable_from({"name": "gram", "examples": 20})]


def matrices(trial):
    return {(each["layer"], each["step"]): gram_from(packed_gram(each)) for each in trial.grams}


def centred(features):
    own = features - features.mean(0)
    return own @ own.T


@pytest.mark.parametrize("packed", [True, False])
def test_matrices_are_those_of_plain_torch_and_change_no_curve(packed):
    specs = [small_trial(packed=packed, precision="float64", seed=seed) for seed in range(2)]
    plain, kept = train(specs), train(specs, record=GRAM)
    assert [each.test_loss for each in plain] == [each.test_loss for each in kept]
    assert kept[0].observables == {} and kept[0].recorded == ["gram(examples=20)"]
    from onecurve.benchmark.devices import CPU
    from onecurve.benchmark.train import Lanes

    lane = Lanes(family_of(specs[0]), dataset_of(specs[0]), (), CPU)(specs[:1] if not packed else specs)
    weights = {n: (p[0] if packed else p).detach() for n, p in lane.update.replicas.named_parameters()}
    net = family_of(specs[0]).build(specs[0].rung, dataset_of(specs[0]).task).double()
    net.load_state_dict(weights)
    x, found = lane._test.inputs[:20], matrices(kept[0])
    assert set(found) == {(layer, step) for layer in ("middle", "last") for step in (0, 40)}
    for layer, stop in (("last", 9), ("middle", 5)):
        wanted = centred(net[:stop](x).detach().numpy())
        np.testing.assert_allclose(found[layer, 0].matrix, wanted, atol=2**-11 * np.abs(wanted).max())
    assert found["last", 0].features == 16 and found["last", 0].inputs == found["middle", 40].inputs
    assert np.abs(found["last", 40].matrix - found["last", 0].matrix).max() > 0.01 * found["last", 0].matrix.max()


def test_a_trial_keeps_the_same_whoever_trains_beside_it():
    pack = train([small_trial(seed=seed) for seed in range(3)], record=GRAM)
    (alone,) = train([small_trial(seed=2)], record=GRAM)
    for key, gram in matrices(alone).items():
        np.testing.assert_array_equal(gram.matrix, matrices(pack[2])[key].matrix)


def test_what_was_kept_before_a_break_is_kept_after_it(tmp_path):
    from onecurve.benchmark.preemption import Preempted
    from onecurve.results.store import Store

    specs = [small_trial(seed=0)]
    with pytest.raises(Preempted):
        train(specs, record=GRAM, keeper=Cut(Store(tmp_path), "pack", after=20))
    (whole,) = train(specs, record=GRAM)
    (resumed,) = train(specs, record=GRAM, keeper=Cut(Store(tmp_path), "pack", after=99))
    assert list(matrices(resumed)) == list(matrices(whole))
    for key, gram in matrices(whole).items():
        np.testing.assert_array_equal(gram.matrix, matrices(resumed)[key].matrix)


def test_more_evaluations_may_be_kept():
    (trial,) = train([small_trial()], record=[observable_from({"name": "gram", "examples": 8, "every": 10})])
    steps = [each["step"] for each in trial.grams if each["layer"] == "last"]
    assert steps == [*trial.step[::10], trial.step[-1]] or steps == trial.step[::10]
    assert len(steps) > 2


def test_inputs_are_known_by_their_numbers_in_any_precision():
    digests = [
        train([small_trial(precision=precision, horizon_steps=2)], record=GRAM)[0].grams[0]["inputs"]
        for precision in ("float32", "float64")
    ]
    (other,) = train([small_trial(dataset=(FOURIER[0], {**FOURIER[1], "inputs": 3}), horizon_steps=2)], record=GRAM)
    assert digests[0] == digests[1] != other.grams[0]["inputs"]


class Pieces(nn.Module):
    """Each example in two windows that a layer sees one after the other, and a narrow side path."""

    def __init__(self):
        super().__init__()
        self.begin, self.inside = nn.Linear(8, 8), nn.Linear(4, 4)
        self.narrow, self.end = nn.Linear(8, 2), nn.Linear(8, 3)

    def forward(self, x):
        x = self.begin(x)
        x = self.inside(x.reshape(-1, 4)).reshape(-1, 8) + self.narrow(x).sum(1, keepdim=True)
        return self.end(x)


def layers(net, inputs):
    task = dataset_of(small_trial(dataset=GLYPHS)).task
    return hidden_layers(Single(net, task), inputs)


def test_the_middle_layer_is_halfway_and_no_side_path_and_no_data():
    inputs = torch.randn(2, 8)
    assert layers(Pieces(), inputs) == {"middle": "narrow", "last": "end"}
    squeezed = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 2), nn.Linear(2, 8), nn.Linear(8, 8), nn.Linear(8, 3))
    assert layers(squeezed, inputs) == {"middle": "1", "last": "4"}
    assert layers(nn.Sequential(nn.Linear(8, 5), nn.Linear(5, 3)), inputs) == {"last": "1"}


@pytest.mark.parametrize("net", [nn.Linear(8, 3), nn.Flatten()])
def test_networks_without_a_hidden_layer_say_so(net):
    with pytest.raises(Unmeasurable, match="no hidden layer"):
        layers(net, torch.randn(2, 8))


def test_pieces_are_put_together_example_by_example():
    seen = torch.arange(24.0).reshape(1, 6, 4)
    assert by_example(seen, 3)[0, 1].tolist() == list(range(8, 16))
    with pytest.raises(Unmeasurable):
        by_example(seen, 4)


@pytest.mark.parametrize(("examples", "said"), [(3, "from 4 to 512"), (1000, "from 4 to 512")])
def test_so_many_examples_are_refused(examples, said):
    with pytest.raises(InputError, match=said):
        observable_from({"name": "gram", "examples": examples})


@pytest.mark.parametrize(("family", "dataset"), [("deeplinear", FOURIER), ("lstm", GLYPHS), ("cnn", GLYPHS)])
def test_an_example_is_represented_whatever_stands_beside_it(family, dataset):
    """Its row follows it to another place."""
    spec = small_trial(family, dataset, packed=False)
    net = family_of(spec).build(spec.rung, dataset_of(spec).task)
    x = dataset_of(spec).test_set().inputs[:6]
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    one, other = Single(net, dataset_of(spec).task), Single(net, dataset_of(spec).task)
    from onecurve.benchmark.features import features

    for layer in hidden_layers(one, x[:2]).values():
        seen, moved = (
            by_example(features(n, given[None], layer)[1], 6)[0] for n, given in ((one, x), (other, x[order]))
        )
        torch.testing.assert_close(seen[order], moved, rtol=1e-4, atol=1e-6)


def test_a_row_has_a_place_for_all_that_is_kept():
    from onecurve.results.schema import SCHEMA

    (trial,) = train([small_trial()], record=GRAM)
    places = {field.name for field in SCHEMA.field("grams").type.value_type}
    assert all(set(packed_gram(each)) == places for each in trial.grams)

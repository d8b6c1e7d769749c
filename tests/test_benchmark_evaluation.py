"""The loss on a test set, against sums by hand: classes, true probabilities, places without a score."""

import math

import numpy as np
import pytest
import torch
from onecurve.benchmark.losses import example_losses
from onecurve.datasets.dataset import DATASETS, TestSet
from onecurve.datasets.floor import entropies
from onecurve.task import Task

CLASSES = Task(kind="vector", shape=(3,), outputs=4, loss="cross_entropy")
TEXT = Task(kind="tokens", shape=(5,), outputs=4, loss="cross_entropy", vocabulary=4)


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("task", [CLASSES, TEXT])
def test_certain_probabilities_give_the_loss_of_their_classes(task, evaluate):
    places = (2, 50, 5) if task is TEXT else (2, 50)
    outputs, labels = drawn(*places, 4), torch.randint(4, places, generator=torch.Generator().manual_seed(1))
    certain = torch.nn.functional.one_hot(labels, 4).float()
    hard, soft = example_losses(task, outputs, labels), example_losses(task, outputs, certain)
    assert hard.shape == (2, 50)
    torch.testing.assert_close(soft, hard)
    inputs = drawn(50, 3) if task is CLASSES else labels[0]
    measured = [evaluate(lambda _: outputs[:1], task, TestSet(inputs=inputs, targets=t[0])) for t in (labels, certain)]
    assert measured[1].accuracy[0] == pytest.approx(measured[0].accuracy[0])
    assert measured[1].loss[0] == pytest.approx(measured[0].loss[0], rel=1e-6)


def test_the_loss_on_true_probabilities_is_their_entropy_plus_the_divergence():
    outputs, truth = drawn(1, 40, 4), drawn(40, 4, seed=1).softmax(-1)
    losses = example_losses(CLASSES, outputs, truth[None]).double()[0]
    guess = outputs[0].double().softmax(-1)
    divergence = (truth * (truth.double() / guess).log()).sum(-1)
    torch.testing.assert_close(losses, entropies(truth) + divergence, rtol=1e-5, atol=1e-6)
    best = example_losses(CLASSES, truth.log()[None], truth[None]).double()[0]
    torch.testing.assert_close(best, entropies(truth), rtol=1e-5, atol=1e-6)


def test_places_without_probabilities_are_not_scored(evaluate):
    outputs, truth = drawn(3, 20, 5, 4), drawn(20, 5, 4, seed=1).softmax(-1)
    truth[:, :2] = 0
    losses = example_losses(TEXT, outputs, truth.expand(3, -1, -1, -1))
    by_hand = -(truth[:, 2:] * outputs[:, :, 2:].log_softmax(-1)).sum(-1).mean(-1)
    torch.testing.assert_close(losses, by_hand)
    changed = outputs.clone()
    changed[:, :, :2] = 100 * drawn(3, 20, 2, 4, seed=2)
    assert torch.equal(example_losses(TEXT, changed, truth.expand(3, -1, -1, -1)), losses)
    measured = evaluate(lambda _: outputs, TEXT, TestSet(inputs=torch.zeros(20, 5, dtype=torch.int64), targets=truth))
    chosen = outputs[:, :, 2:].argmax(-1)
    right = truth[None, :, 2:].expand(3, -1, -1, -1).gather(-1, chosen[..., None]).mean((1, 2, 3))
    np.testing.assert_allclose(measured.accuracy, right, rtol=1e-5)


@pytest.mark.parametrize("name", ["gaussian-mixture", "noisy-teacher", "markov-text", "hidden-markov-text"])
def test_the_bayes_predictor_has_the_stated_irreducible_loss(name, evaluate):
    data = DATASETS.make(name, {"test_size": 300})
    test = data.test_set()
    truth = {row.numpy().tobytes(): each for row, each in zip(test.inputs, test.targets, strict=True)}

    def bayes(inputs):
        return torch.stack([truth[row.numpy().tobytes()] for row in inputs]).clamp(min=1e-30).log()[None]

    def flat(inputs):
        return torch.zeros_like(bayes(inputs))

    measured = evaluate(bayes, data.task, test)
    assert measured.loss[0] == pytest.approx(data.irreducible_loss, abs=2e-6)
    assert measured.loss_se[0] == pytest.approx(data.sampling_se, rel=1e-4)
    assert evaluate(flat, data.task, test).loss[0] == pytest.approx(math.log(data.task.outputs), rel=1e-5)

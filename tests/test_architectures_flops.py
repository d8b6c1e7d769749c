"""Measured FLOPs against counts by hand: two for each multiplication with its addition."""

import pytest
import torch
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.flops import count, example_inputs, n_params
from onecurve.task import Task


@pytest.mark.parametrize("width", [24, 48])
def test_residual_mlp(width):
    task = Task(kind="vector", shape=(8,), outputs=1, loss="squared_error")
    first, blocks, readout = 8 * width, 6 * width**2, width
    compute = count(FAMILIES.make("resmlp"), {"width": width}, task)
    assert compute.forward == 2 * (first + blocks + readout)
    assert compute.training == 3 * compute.forward - 2 * first  # the inputs need no gradient
    assert compute.n_params == first + width + blocks + 6 * width + readout + 1


@pytest.mark.parametrize("width", [12, 17])
def test_convolutions(width):
    task = Task(kind="image", shape=(1, 8, 8), outputs=10, loss="cross_entropy")
    first, halving, flat, readout = 9 * width * 64, 9 * width**2 * 16, 2 * 9 * width**2 * 16, 10 * width
    compute = count(FAMILIES.make("cnn"), {"width": width}, task)
    assert compute.forward == 2 * (first + halving + flat + readout)
    assert compute.training == 3 * compute.forward - 2 * first


@pytest.mark.parametrize("width", [20, 40])
def test_decoder_with_its_attention(width):
    length, vocabulary = 16, 50
    task = Task(kind="tokens", shape=(length,), outputs=vocabulary, loss="cross_entropy", vocabulary=vocabulary)
    projections, perceptron = 4 * length * width**2, 8 * length * width**2
    scores = mixing = length**2 * width
    readout = length * width * vocabulary
    compute = count(FAMILIES.make("decoder"), {"width": width}, task)
    assert compute.forward == 2 * (2 * (projections + perceptron + scores + mixing) + readout)
    assert compute.training == 3 * compute.forward


def test_vit_with_its_attention():
    task = Task(kind="image", shape=(1, 8, 8), outputs=10, loss="cross_entropy")
    width, patches, pixels = 20, 16, 4
    layer = 12 * patches * width**2 + 2 * patches**2 * width
    first = patches * pixels * width
    compute = count(FAMILIES.make("vit"), {"width": width}, task)
    assert compute.forward == 2 * (first + 2 * layer + 10 * width)
    assert compute.training == 3 * compute.forward - 2 * first


def test_counting_leaves_the_generator_as_it_was():
    task = Task(kind="vector", shape=(11,), outputs=1, loss="squared_error")
    state = torch.get_rng_state()
    count(FAMILIES.make("mlp"), {"width": 31}, task)
    assert torch.equal(state, torch.get_rng_state())


def test_frozen_parameters_are_not_counted():
    net = torch.nn.Linear(3, 4)
    net.bias.requires_grad_(False)
    assert n_params(net) == 12


def test_example_tokens_are_in_the_vocabulary():
    task = Task(kind="tokens", shape=(5,), outputs=3, loss="cross_entropy", vocabulary=3)
    tokens = example_inputs(task, 100)
    assert tokens.shape == (100, 5)
    assert set(tokens.unique().tolist()) == {0, 1, 2}

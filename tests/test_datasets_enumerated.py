"""Grammars, parity and sums: the rules, what is held out, and how it is shown."""

import itertools

import numpy as np
import pytest
import torch
from onecurve.benchmark import runner
from onecurve.benchmark.executors import InProcess
from onecurve.benchmark.sweep import load_sweep
from onecurve.collapse.analysis import analyze
from onecurve.datasets.algorithmic import ModularAddition, SparseParity
from onecurve.datasets.dataset import DATASETS
from onecurve.datasets.hierarchy import RandomHierarchy
from onecurve.datasets.pool import CounterStream, PoolStream
from onecurve.results.reading import read_curves
from onecurve.results.store import Store

SMALL = RandomHierarchy(classes=3, synonyms=2, branching=2, levels=2, symbols=3, test_size=4)


def test_every_tuple_of_a_level_stands_for_one_symbol():
    for data in (SMALL, RandomHierarchy(), RandomHierarchy(branching=3, symbols=4, levels=2, classes=5, synonyms=12)):
        for level, rule in enumerate(data.rules):
            assert rule.shape == (data.symbols if level else data.classes, data.synonyms, data.branching)
            assert len({tuple(row) for row in rule.reshape(-1, data.branching)}) == rule.shape[0] * rule.shape[1]
        assert len(data.rules) == data.levels


def test_numbers_count_through_all_sentences_of_the_grammar():
    top, below = SMALL.rules
    expected = {}
    for label, first in itertools.product(range(3), range(2)):
        for left, right in itertools.product(range(2), range(2)):
            a, b = top[label, first]
            expected[(*below[a, left], *below[b, right])] = label
    assert SMALL.total == len(expected) == 24
    sentences, labels = SMALL.decode(np.arange(24))
    assert dict(zip(map(tuple, sentences), labels, strict=True)) == expected


def test_a_parser_finds_the_class_of_every_drawn_sentence():
    data = RandomHierarchy(view="tokens")
    symbols, labels = data.stream(0).batch(0, 2000)
    row = symbols.numpy()
    for rule in data.rules[::-1]:  # from the visible symbols up
        heads = {tuple(parts): head for head in range(len(rule)) for parts in rule[head]}
        row = np.array([[heads[tuple(pair)] for pair in sentence.reshape(-1, 2)] for sentence in row])
    np.testing.assert_array_equal(row[:, 0], labels[:, -1])
    assert data.total == 8 * 8**7


def test_parity_is_that_of_the_hidden_bits_and_of_no_others():
    data = SparseParity(bits=16, test_size=100)
    inputs, labels = data.stream(0).batch(0, 4000)
    assert set(inputs.unique().tolist()) == {-1, 1}
    chosen = inputs[:, torch.from_numpy(data.places)].prod(1)
    np.testing.assert_array_equal(chosen == (-1) ** data.relevant * (-1.0) ** labels, True)
    values, signs = inputs.numpy(), 1 - 2 * labels.numpy()
    for size in (1, 2, 3):
        for subset in itertools.combinations(range(16), size):
            tie = float((values[:, list(subset)].prod(1) * signs).mean())
            assert abs(tie) == 1 if set(subset) == set(data.places.tolist()) else abs(tie) < 0.08, subset


def test_all_pairs_are_summed_once():
    data = ModularAddition(modulus=7, fraction=0.6)
    test = data.test_set()
    inputs, labels = data.stream(0).batch(0, data.pool_size)
    pairs = torch.cat([inputs, test.inputs]).view(-1, 2, 7).argmax(-1)
    assert len({tuple(pair) for pair in pairs.tolist()}) == 49 == len(pairs)
    assert torch.equal(pairs.sum(1) % 7, torch.cat([labels, test.targets]))
    assert (data.pool_size, test.size, data.repeats(290)) == (29, 20, 10)


@pytest.mark.parametrize("name", ["random-hierarchy", "sparse-parity", "modular-addition"])
def test_tokens_show_the_same_examples_and_score_the_last_place(name):
    shown, told = (DATASETS.make(name, {"view": view}) for view in ("one-hot", "tokens"))
    flat, labels = shown.stream(5).batch(2, 64)
    tokens, targets = told.stream(5).batch(2, 64)
    length = tokens.shape[1]
    symbols = (flat > 0).long() if name == "sparse-parity" else flat.view(64, length, -1).argmax(-1)
    assert torch.equal(tokens, symbols) and torch.equal(targets, labels[:, None].expand(64, length))
    test, same = told.test_set(), shown.test_set()
    assert not test.targets[:, :-1].any()
    assert torch.equal(test.targets[:, -1].argmax(-1), same.targets)
    assert told.irreducible_loss == shown.irreducible_loss == 0


def test_held_out_inputs_never_train_even_where_most_are_held_out():
    few = SparseParity(bits=11, relevant=2, test_size=1500)
    assert isinstance(few.stream(0), PoolStream) and few.pool_size == 548
    many = SparseParity(bits=22, relevant=2, test_size=2**21)
    assert isinstance(many.stream(0), CounterStream)
    for data, size in ((few, 548), (many, 30_000)):
        held = set(data._held_out().tolist())
        seen = ((data.stream(1).batch(0, size)[0] > 0).long() @ (2 ** torch.arange(data.bits))).tolist()
        assert len(held) == data.test_size and not held & set(seen)
        assert len(set(seen)) > 0.97 * size


@pytest.mark.slow  # two minutes of training
def test_negative_controls_do_not_collapse(tmp_path):
    runner.run(load_sweep("controls"), Store(tmp_path), InProcess())
    curves = read_curves([tmp_path])
    found = analyze(curves, rng=np.random.default_rng(0)).groups
    assert {(group.family, group.dataset): group.verdict for group in found} == {
        ("mlp", "sparse-parity"): "no-collapse",
        ("gatedmlp", "modular-addition"): "no-collapse",
        ("mlp", "modular-addition"): "no-collapse",
    }

    def at(family, dataset, share):
        """Mean loss of the widest rung at a share of the horizon, over that of guessing."""
        chosen = [curve for curve in curves if (curve.family, curve.dataset) == (family, dataset)]
        widest = [curve for curve in chosen if curve.size == max(each.size for each in chosen)]
        return np.mean([np.interp(share, curve.x, curve.loss) / curve.loss[0] for curve in widest])

    assert at("mlp", "sparse-parity", 0.1) > 0.99 > 0.1 > at("mlp", "sparse-parity", 0.5)
    assert at("gatedmlp", "modular-addition", 0.15) > 0.99 > 0.6 > at("gatedmlp", "modular-addition", 0.5)
    assert at("mlp", "modular-addition", 0.1) < 1.1 < 2 < at("mlp", "modular-addition", 1)

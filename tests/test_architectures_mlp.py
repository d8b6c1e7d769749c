"""Our own networks against torch's, against definitions and against counts by hand."""

import pytest
import torch
from onecurve.architectures.draws import secluded
from onecurve.architectures.encoder import Chunks, Patches
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.flops import count
from onecurve.architectures.gated import GatedBlock
from onecurve.architectures.parametrization import multipliers
from onecurve.architectures.random_features import FrozenFeatures
from onecurve.architectures.recurrent import GRULayer, ImageRows, LSTMLayer
from onecurve.task import Task
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")

VECTOR = Task(kind="vector", shape=(8,), outputs=3, loss="squared_error")
IMAGE = Task(kind="image", shape=(2, 6, 10), outputs=5, loss="cross_entropy")
TOKENS = Task(kind="tokens", shape=(12,), outputs=20, loss="cross_entropy", vocabulary=20)


@pytest.fixture(autouse=True)
def seeded():
    with secluded(0):
        yield


def test_the_lstm_is_torchs():
    ours, theirs, x = LSTMLayer(6), nn.LSTM(6, 6, batch_first=True), torch.randn(3, 7, 6)
    order = torch.arange(24).view(4, 6)[[1, 0, 3, 2]].flatten()  # theirs: write, forget, news, emit; ours: forget first
    with torch.no_grad():
        theirs.weight_ih_l0[order] = ours.see.weight
        theirs.weight_hh_l0[order] = ours.recall.weight
        theirs.bias_ih_l0[order] = ours.see.bias
        theirs.bias_hh_l0.zero_()
        torch.testing.assert_close(ours(x), theirs(x)[0])
    assert ours.see.bias.tolist() == [1.0] * 6 + [0.0] * 18


def test_the_gru_is_torchs():
    ours, theirs, x = GRULayer(6), nn.GRU(6, 6, batch_first=True), torch.randn(3, 7, 6)
    order = torch.arange(18).view(3, 6)[[1, 0, 2]].flatten()  # theirs: reset, keep, news
    with torch.no_grad():
        theirs.weight_ih_l0[order], theirs.bias_ih_l0[order] = ours.see.weight, ours.see.bias
        theirs.weight_hh_l0[order], theirs.bias_hh_l0[order] = ours.recall.weight, ours.recall.bias
        torch.testing.assert_close(ours(x), theirs(x)[0])


def test_an_image_is_read_row_by_row():
    image = torch.arange(2 * 6 * 10.0).view(1, 2, 6, 10)
    rows = ImageRows()(image)
    assert rows.shape == (1, 6, 20)
    assert rows[0, 4].tolist() == [*image[0, 0, 4].tolist(), *image[0, 1, 4].tolist()]


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_the_last_row_of_an_image_decides_with_the_first(name):
    net = FAMILIES.make(name).build({"width": 24}, IMAGE)
    nn.init.normal_(net[-1].weight)
    image = torch.randn(1, *IMAGE.shape)
    for row in (0, 5):
        changed = image.clone()
        changed[:, :, row] += 1
        assert not torch.equal(net(image), net(changed))


def test_flops_of_the_recurrent_networks_by_hand():
    length, vocabulary, width = 12, 20, 24
    for name, gates, biases in (("lstm", 4, 1), ("gru", 3, 2)):
        compute = count(FAMILIES.make(name), {"width": width}, TOKENS)
        products = length * (2 * gates * width**2 + vocabulary * width)
        assert compute.forward == 2 * products
        first = 2 * length * gates * width**2 // length  # the first state is zero, but multiplied all the same
        assert 3 * compute.forward - 2 * first <= compute.training <= 3 * compute.forward
        parameters = vocabulary * width + gates * width * (2 * width + biases) + vocabulary * (width + 1)
        assert compute.n_params == parameters


def test_a_vector_is_cut_into_chunks():
    pieces = Chunks(10, 4)
    assert (pieces.number, pieces.size) == (4, 3)
    assert pieces(torch.arange(10.0)[None])[0].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 0, 0]]
    assert (Chunks(8, 16).number, Chunks(8, 16).size) == (8, 1)


def test_patches_are_a_strided_convolution_and_fill_up_with_zeros():
    pieces, image = Patches((3, 16, 16), 4), torch.randn(2, 3, 16, 16)
    kernel = torch.randn(20, 3, 4, 4)
    expected = nn.functional.conv2d(image, kernel, stride=4).flatten(2).transpose(1, 2)
    torch.testing.assert_close(pieces(image) @ kernel.flatten(1).T, expected)
    odd = Patches((1, 6, 10), 4)
    assert (odd.number, odd.size, odd.sides) == (16, 6, (2, 3))
    last = odd(torch.ones(1, 1, 6, 10))[0, [0, 3, 12]]
    assert last.sum(-1).tolist() == [6, 2, 0]


def test_flops_of_the_encoder_by_hand():
    width, pieces, numbers = 20, 16, 4
    task = Task(kind="image", shape=(1, 8, 8), outputs=10, loss="cross_entropy")
    compute = count(FAMILIES.make("encoder"), {"width": width}, task)
    layer = 12 * pieces * width**2 + 2 * pieces**2 * width
    first = pieces * numbers * width
    assert compute.forward == 2 * (first + 2 * layer + 10 * width)
    assert compute.training == 3 * compute.forward - 2 * first


def test_every_chunk_of_the_encoder_looks_at_all():
    net = FAMILIES.make("encoder").build({"width": 20}, VECTOR)
    inputs = torch.randn(1, 8)
    changed = inputs.clone()
    changed[0, 3] += 1
    stream = net[:2]  # the embedding and one layer
    assert ((stream(inputs) - stream(changed)).abs().amax(-1)[0] > 0).all()


def test_the_deep_linear_network_is_linear():
    net = FAMILIES.make("deeplinear").build({"width": 32}, VECTOR).double()
    nn.init.normal_(net[-1].weight)
    a, b = torch.randn(2, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(net(2 * a - 3 * b), 2 * net(a) - 3 * net(b))
    assert [tuple(p.shape) for p in net.parameters()] == [(32, 8), (32, 32), (32, 32), (32, 32), (3, 32), (3,)]


def test_the_deep_linear_network_keeps_the_size_of_signals():
    net = FAMILIES.make("deeplinear").build({"width": 512}, VECTOR)
    with torch.no_grad():
        features = net[:-1](torch.randn(2000, 8))
    assert features.square().mean().item() == pytest.approx(1.0, rel=0.25)


def test_random_features_train_the_readout_alone():
    family, rung = FAMILIES.make("randomfeatures"), {"width": 512}
    compute = count(family, rung, VECTOR)
    assert compute.n_params == 3 * 513
    assert compute.forward == 2 * (8 * 512 + 512 * 3)
    assert compute.training == compute.forward + 2 * 512 * 3  # nothing flows back into the features
    table = multipliers(family, rung, VECTOR, parametrization="mup", optimizer="adam")
    assert {name: (m.role, m.lr) for name, m in table.items()} == {"2.weight": ("output", 0.5), "2.bias": ("fixed", 1)}


def test_random_features_do_not_move():
    net = FAMILIES.make("randomfeatures").build({"width": 256}, VECTOR)
    frozen = net[1].weight.clone()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1, weight_decay=0.1)
    net(torch.randn(16, 8)).square().sum().backward()
    optimizer.step()
    assert torch.equal(net[1].weight, frozen)


def test_random_features_have_the_kernel_of_their_size():
    """E relu(u) relu(v) for bivariate Gaussians: sd sd' (sin a + (pi - a) cos a) / 2 pi (Cho and Saul 2009)."""
    features = FrozenFeatures(8, 400_000)
    x, y = torch.randn(2, 8)
    u, v = features(torch.stack([x, y]))
    xx, yy, xy = (2 / 8 * p.dot(q) + 1 for p, q in ((x, x), (y, y), (x, y)))
    angle = torch.arccos(xy / (xx * yy).sqrt())
    expected = (xx * yy).sqrt() * (angle.sin() + (torch.pi - angle) * angle.cos()) / (2 * torch.pi)
    assert (u * v).mean().item() == pytest.approx(expected.item(), rel=0.02)


def test_a_gated_block_multiplies():
    block, x = GatedBlock(20), torch.randn(5, 20)
    nn.init.zeros_(block.value.weight)
    nn.init.zeros_(block.value.bias)
    torch.testing.assert_close(block(x), x + block.outer.bias)
    nn.init.ones_(block.value.bias)
    expected = x + block.outer(nn.functional.silu(block.gate(block.norm(x))))
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(("name", "blocks"), [("encoder", 2), ("gatedmlp", 1)])
def test_a_deeper_rung_has_weaker_branches(name, blocks):
    family = FAMILIES.make(name)
    base = family.base_depth
    table = multipliers(family, {"width": 20, "depth": 2 * base}, VECTOR, parametrization="mup", optimizer="adam")
    ends = [key for key, m in table.items() if key.endswith(("merge.weight", "think.3.weight", "outer.weight"))]
    assert len(ends) == 2 * base * blocks
    assert {(table[key].init, table[key].lr) for key in ends} == {(0.5, 0.5)}
    assert {(m.init, m.lr) for key, m in table.items() if not key.startswith(tuple(e[:-7] for e in ends))} == {(1, 1)}

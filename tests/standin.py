"""Cases of `test_benchmark_devices_standin.py`: every tensor of a step is on the asked device.

The device is torch's own private backend with tensors that have shapes and no values, so any operation that mixes two
devices raises. No GPU has run this code.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import warnings

import numpy as np
import pytest
import torch
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.parametrization import initialise, multipliers, width_roles
from onecurve.benchmark.checks.tasks import home
from onecurve.benchmark.losses import example_losses
from onecurve.benchmark.observables import parts
from onecurve.benchmark.observables.observable import OBSERVABLES, Probe, Readout, Unmeasurable
from onecurve.benchmark.optimisers.optimiser import OPTIMISERS
from onecurve.benchmark.replicas import Single, Stacked, random_batch
from onecurve.benchmark.update import Repeated, Update
from onecurve.benchmark.update_clock import UpdateClock
from onecurve.datasets.dataset import DATASETS, TestSet
from onecurve.datasets.pool import PoolStream
from onecurve.errors import InputError
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

READS = {"_local_scalar_dense", "nonzero", "equal", "masked_select", "is_nonzero", "unique_dim", "_unique2"}
TINY = {"fourier": {"inputs": 2, "modes": 64, "pool": 2048, "test_size": 64}}
ASKING = {
    *("sharpness", "preconditioned-sharpness", "critical-sharpness", "tail-exponent", "layer-balance"),
    *("neural-collapse", "feature-ansatz", "two-datum"),
}
OF_CLASSES = {"accuracy", "token-classes", "calibration", "margin", "class-loss"}
FEW_FAMILIES = ("mlp", "decoder", "shufflenetv2")
FEW_DATASETS = ("fourier", "markov-text", "power-law-regression")


@functools.cache
def place() -> torch.device:
    """The stand-in device; a process can have one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _setup_privateuseone_for_python_backend("standin")
    return torch.device("standin", 0)


class OnDevice(TorchDispatchMode):
    """Fails where an operation makes or reads a tensor elsewhere, and where it asks the host."""

    def __init__(self, reads: bool = False) -> None:
        super().__init__()
        self.calls, self._reads = 0, reads

    def __torch_dispatch__(self, function, kinds, given=(), named=None):
        self.calls += 1
        assert self._reads or function.overloadpacket.__name__ not in READS, f"{function} asks the host"
        found = function(*given, **(named or {}))
        tensors = [each for each in tree_leaves((given, named, found)) if isinstance(each, torch.Tensor)]
        elsewhere = {each.device.type for each in tensors} - {"standin"}
        assert not elsewhere, f"{function} has tensors on {elsewhere}"
        return found


@pytest.fixture
def fake():
    """Tensors without values on the stand-in."""
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        yield mode


def like(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of that shape on the stand-in."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=place())


def moved(net: torch.nn.Module) -> torch.nn.Module:
    """The network on the stand-in. A real `Module.to` swaps the data of a parameter, which a tensor without values
    does not allow, so each is made anew."""
    with torch._subclasses.fake_tensor.unset_fake_temporarily():
        net = copy.deepcopy(net)
    for module in net.modules():
        for name, value in list(module._parameters.items()):
            if value is not None:
                module._parameters[name] = torch.nn.Parameter(like(value), requires_grad=value.requires_grad)
        for name, value in list(module._buffers.items()):
            if value is not None:
                module._buffers[name] = like(value)
    return net


def replicas_of(family, task, packed: bool):
    """Two stacked networks or one, on the stand-in."""
    nets = [
        initialise(family, family.ladder[0], task, seed=s, parametrization="mup", optimizer="adam")
        for s in range(2 if packed else 1)
    ]
    if not packed:

        def alone():
            single = Single(nets[0], task)
            single.model = moved(nets[0])
            return single

        return alone
    stacked = Stacked(nets, task)

    def make():
        stacked.parameters = {n: like(v).requires_grad_(v.requires_grad) for n, v in stacked.parameters.items()}
        stacked._buffers = {n: like(v) for n, v in stacked._buffers.items()}
        return stacked

    return make


def clock_of(count: int, optimiser) -> UpdateClock:
    """A clock on the stand-in, to which a tensor of one known number cannot be copied."""
    with torch._subclasses.fake_tensor.unset_fake_temporarily():
        clock = UpdateClock(np.full((8, count), 1e-3), optimiser.tables(8), torch.device("cpu"))
    clock.at, clock._columns, clock._which = like(clock.at), like(clock._columns), like(clock._which)
    clock._tables = {name: like(table) for name, table in clock._tables.items()}
    clock._common = None  # a number of the host, which a device does not have
    return clock


def update_of(family, task, packed: bool, optimiser) -> Update:
    """A real update with tables, moments and batch on the stand-in."""
    with torch._subclasses.fake_tensor.unset_fake_temporarily():
        make = replicas_of(family, task, packed)
        how = {"parametrization": "mup", "optimizer": optimiser.exponents}
        factors = multipliers(family, family.ladder[0], task, **how)
        roles = width_roles(family, family.ladder[0], task)
        batch = random_batch(task, 4)
    count = 2 if packed else 1
    inputs, targets = (torch.empty((count, *v.shape), dtype=v.dtype, device=place()) for v in batch)
    clock = clock_of(count, optimiser)
    return Update(make(), optimiser, clock, Repeated(inputs, targets), multipliers=factors, roles=roles)


def updates(update: Update) -> None:
    """Two whole updates and an evaluation."""
    with OnDevice() as watch:
        update()
        update()
    assert watch.calls > 20
    inputs, targets = update.batch()
    with OnDevice(), torch.no_grad():
        outputs = update.replicas.predict(inputs[0])
        example_losses(update.replicas.task, outputs, targets[:1].expand(len(outputs), *targets[0].shape))
    assert {tensor.device.type for tensor in update.tensors()} == {"standin"}


def kinds(families):
    made = [FAMILIES.make(name) for name in families]
    return [
        pytest.param(family.name, packed, id=f"{family.name}-{'packed' if packed else 'alone'}")
        for family in made
        for packed in ((False, True) if family.packable else (False,))
    ]


# Networks alone take fewer operations than a pack; beside the families there is no need of them each time.
PACKED = [True, pytest.param(False, marks=pytest.mark.slow)]
ALL_KINDS = [param for param in kinds(FAMILIES.names()) if param.values[0] not in FEW_FAMILIES]


@pytest.mark.parametrize(
    ("name", "packed"),
    [*kinds(FEW_FAMILIES), *(pytest.param(*p.values, id=p.id, marks=pytest.mark.slow) for p in ALL_KINDS)],
)
def test_every_tensor_of_a_family_is_on_the_device(fake, name, packed):
    family = FAMILIES.make(name)
    updates(update_of(family, home(family), packed, OPTIMISERS.make("adam")))


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("name", OPTIMISERS.names())
def test_every_tensor_of_an_optimiser_is_on_the_device(fake, name, packed):
    family = FAMILIES.make("mlp")
    more = {"momentum": 0.9, "weight_decay": 0.1} if name == "sgd" else {}
    updates(update_of(family, home(family), packed, OPTIMISERS.make(name, {**more, "clip": 1.0})))


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("name", OBSERVABLES.names())
def test_every_tensor_of_an_observable_is_on_the_device(fake, monkeypatch, name, packed):
    """Up to the values that leave the device: those are read back once, at the end."""
    text = name in OF_CLASSES
    family = FAMILIES.make("decoder" if text else "mlp")
    with torch._subclasses.fake_tensor.unset_fake_temporarily():
        dataset = DATASETS.make("pysource", {"test_size": 16}) if text else DATASETS.make("fourier", TINY["fourier"])
        if name == "neural-collapse":  # a class an example, which no text has
            dataset = DATASETS.make("gaussian-mixture", {"test_size": 64})
        task, real = dataset.task, dataset.test_set()
    update = update_of(family, task, packed, OPTIMISERS.make("adam"))
    observable = OBSERVABLES.make(name)
    test = TestSet(inputs=like(real.inputs[:16]), targets=like(real.targets[:16]))
    probe = Probe(
        family=family,
        dataset=dataset,
        test=test,
        batch=update.batch,
        gradients=update.gradients,
        followers={observable: update.follower_of(observable.follower)},
        step=0,
        update=update,
    )
    update()
    if isinstance(observable, Readout):
        with torch._subclasses.fake_tensor.unset_fake_temporarily():
            observable.misfit(family, dataset)  # makes the data set's parts, on the host
            made = parts._view(dataset)
        if name == "token-classes":
            monkeypatch.setattr(
                parts, "_view", lambda _: dataclasses.replace(made, targets=fake.from_tensor(made.targets))
            )
        parts._view_at.cache_clear()
        reader = observable.reader(probe)
        parts._view_at.cache_clear()
        outputs = update.replicas.predict(test.inputs).detach()
        with OnDevice():
            reader.take(slice(0, 16), outputs, test.targets.expand(len(outputs), *test.targets.shape))
        return
    monkeypatch.setattr("onecurve.benchmark.observables.loss.LossReader.values", _leave)
    # Some work with the host: up to the first number that it needs, and mixed devices raise there, too.
    asks = name in ASKING
    with (
        contextlib.nullcontext() if asks else OnDevice(),
        contextlib.suppress(_Left, *((DataDependentOutputException, Unmeasurable) if asks else ())),
    ):
        assert observable.measure(update.replicas, probe).device.type == "standin"


class _Left(Exception):
    """The losses are about to leave the device, which is where this test ends."""


def _leave(reader):
    torch.cat(reader._losses, dim=1)
    raise _Left


def present(names):
    """Data sets that are here, made small."""
    for name in names:
        try:
            dataset = DATASETS.make(name, TINY.get(name, {}))
            dataset.prepare()
            yield dataset
        except (InputError, ImportError):
            continue


@pytest.mark.parametrize(
    "name",
    [
        *FEW_DATASETS,
        *(pytest.param(n, marks=pytest.mark.slow) for n in DATASETS.names() if n not in FEW_DATASETS),
    ],
)
def test_gathers_of_a_data_set_are_on_the_device(fake, name):
    with torch._subclasses.fake_tensor.unset_fake_temporarily():
        dataset = next(present([name]), None)
        if dataset is None:
            pytest.skip(f"{name} is not here")
        stream, test = dataset.stream(0), dataset.test_set()
        known = stream.table.tensors() if isinstance(stream, PoolStream) else None
        batch = stream.batch(0, 4)
    assert {each.dtype for each in (like(test.inputs), like(test.targets))} == {test.inputs.dtype, test.targets.dtype}
    if known is None:
        return  # examples are made on the host, and copied as they are
    places = torch.empty((3, 4), dtype=torch.int32, device=place())
    with OnDevice():
        inputs, targets = stream.table.gather(tuple(like(part) for part in known), places)
    assert (inputs.shape[2:], inputs.dtype) == (batch[0].shape[1:], batch[0].dtype)
    assert (targets.shape[2:], targets.dtype) == (batch[1].shape[1:], batch[1].dtype)


# The tests' own test: faults are planted, and found.


def planted(fault: str) -> Update:
    family = FAMILIES.make("mlp")
    update = update_of(family, home(family), True, OPTIMISERS.make("adam"))
    clock, batch = update.clock, update.batches
    if fault == "table":
        with torch._subclasses.fake_tensor.unset_fake_temporarily():
            clock._columns = torch.full(clock._columns.shape, 1e-3, dtype=torch.float64)
    if fault == "batch":
        update.batches = Repeated(*(torch.empty(part.shape, dtype=part.dtype) for part in batch.at(clock)))
    if fault == "default":
        tick = clock.tick
        clock.tick = lambda: (tick(), torch.zeros(2))
    if fault == "item":
        tick = clock.tick
        clock.tick = lambda: (tick(), clock.at.item())
    if fault == "nonzero":
        tick = clock.tick
        clock.tick = lambda: (tick(), clock.at.nonzero())
    return update


@pytest.mark.parametrize("fault", ["table", "batch", "default", "item", "nonzero"])
def test_planted_faults_are_found(fake, fault):
    said = {"item": "asks the host", "nonzero": "asks the host", "default": "has tensors on"}
    with pytest.raises(Exception, match=said.get(fault, "device|standin")):
        updates(planted(fault))


def test_a_network_that_keeps_a_tensor_behind_is_found(fake):
    class Behind(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net
            with torch._subclasses.fake_tensor.unset_fake_temporarily():
                self.shift = [torch.ones(1)]  # neither parameter nor buffer, so it does not move

        def forward(self, x):
            return self.net(x) + self.shift[0]

    family = FAMILIES.make("mlp")
    update = update_of(family, home(family), False, OPTIMISERS.make("adam"))
    update.replicas.model.forward = Behind(copy.copy(update.replicas.model)).forward
    with pytest.raises((RuntimeError, AssertionError), match="device|standin"):
        updates(update)

"""What every family promises, one function a promise: for our own tests, and for who adds a family.

``python -m onecurve.architectures.conformance my_net.py:MyNet`` checks a network of a file, ``resmlp`` a family of the
catalogue, ``timm:ConvNeXt`` needs its arguments and so a test. In tests of an author::

    @pytest.mark.parametrize("promise", PROMISES)
    def test_my_family_keeps(promise):
        family = MyFamily()
        promise(family, home(family))

Each promise takes a family and a task that it fits, says in a clause what it saw, and raises `Broken` where the family
breaks it. Everything runs on small random inputs, in seconds for a small network.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

from ..errors import InputError
from ..task import Task
from .depth import depth_factors
from .draws import secluded
from .exponents import ADAM
from .family import FAMILIES, Family, Rung
from .flops import count, example_inputs, n_params
from .packed import differs_from_a_loop, notices_the_pack
from .rehearsal import Rehearsal, easy_batch, uncounted

Promise = Callable[[Family, Task], str]

FEWEST_RUNGS = 5
LEAST, MOST = 1.79, 2.31  # growth of the parameters a rung: 1.8 to 2.3, to two digits
STEEPEST = 0.35  # allowed slope of the log step of the outputs against log width; 1 without maximal update
_RATES = (1e-2, 3e-3, 1e-3)
_SEEDS = 3


class Broken(AssertionError):
    """A promise that a family does not keep, in one sentence."""


def images(channels: int, side: int) -> Task:
    """Ten classes of square images."""
    return Task(kind="image", shape=(channels, side, side), outputs=10, loss="cross_entropy")


TASKS = (
    Task(kind="vector", shape=(8,), outputs=1, loss="squared_error"),
    Task(kind="vector", shape=(128,), outputs=1, loss="squared_error"),
    images(1, 8),
    images(1, 16),
    images(1, 28),
    images(3, 32),
    images(3, 64),
    Task(kind="tokens", shape=(32,), outputs=64, loss="cross_entropy", vocabulary=64),
)


def fitting(family: Family) -> list[Task]:
    """Those of `TASKS` that the family can learn."""
    return [task for task in TASKS if family.misfit(task) is None]


def home(family: Family) -> Task:
    """The cheapest of `TASKS` that the family can learn: tokens before images, images of 16 pixels before others.

    Raises
    ------
    InputError
        It can learn none of them; the reasons are given.
    """
    found = fitting(family)
    if not found:
        reasons = dict.fromkeys(f"{task.kind}: {family.misfit(task)}" for task in TASKS)
        raise InputError(f"family {family.name!r} fits none of the {len(TASKS)} tasks tried. {'; '.join(reasons)}")
    cheap = ("vector 8 ", "vector", "tokens", "image 1x8", "image 1x16")
    return min(found, key=lambda task: [*(not str(task).startswith(start) for start in cheap)])


def builds(family: Family, task: Task) -> str:
    """The smallest rung gives finite outputs of the right shape for every task that it claims to fit."""
    tasks = list(dict.fromkeys([task, *fitting(family)]))
    for each in tasks:
        with secluded(0), torch.no_grad():
            outputs = family.build(family.ladder[0], each)(example_inputs(each, 3))
        shape = (3, *(each.shape if each.kind == "tokens" else ()), each.outputs)
        _hold(outputs.shape == shape, f"for {each} outputs are {tuple(outputs.shape)}, not {shape}")
        _hold(bool(torch.isfinite(outputs).all()), f"for {each} outputs are not finite")
    return f"{len(tasks)} tasks"


def climbs(family: Family, task: Task) -> str:
    """Five rungs or more, each with 1.8 to 2.3 times the parameters of the one before, and more FLOPs."""
    rungs = [count(family, rung, task) for rung in family.ladder]
    sizes = [rung.n_params for rung in rungs]
    _hold(len(sizes) >= FEWEST_RUNGS, f"{len(sizes)} rungs, a ladder has at least {FEWEST_RUNGS}")
    steps = [b / a for a, b in zip(sizes, sizes[1:], strict=False)]
    for rung, step in zip(family.ladder[1:], steps, strict=True):
        _hold(LEAST <= step <= MOST, f"rung {dict(rung)} has {step:.2f} times the parameters before it, not 1.8 to 2.3")
    costs = [rung.training for rung in rungs]
    _hold(costs == sorted(set(costs)), f"FLOPs do not rise with the rungs: {costs}")
    return f"{len(sizes)} rungs, {sizes[0]:,} to {sizes[-1]:,} parameters, x {min(steps):.2f} to {max(steps):.2f}"


def refuses(family: Family, task: Task) -> str:
    """A rung without, with other or with impossible knobs is an `InputError`."""
    knob = next(iter(family.ladder[0]))
    wrong = [{**family.ladder[0], knob: value} for value in (0, -4, 24.0, True, "24")]
    for rung in (*wrong, {}, {"breadth": 24}, {**family.ladder[0], "breadth": 2}):
        try:
            family.build(rung, task)  # pyright: ignore[reportArgumentType]
        except InputError:
            continue
        except Exception as error:
            raise Broken(f"rung {rung} ends in {type(error).__name__}: {error}. Call self.check_rung(rung)") from error
        raise Broken(f"rung {rung} was built. Call self.check_rung(rung) first")
    return "wrong rungs"


def repeats(family: Family, task: Task) -> str:
    """A seed names the weights; nothing in a step is random; statistics run along only where that is declared."""
    first, again, other = (Rehearsal.of(family, family.ladder[0], task, seed).net for seed in (7, 7, 8))
    a, b, c = (list(net.state_dict().values()) for net in (first, again, other))
    _hold(all(map(torch.equal, a, b)), "the same seed draws other weights")
    starts_at_zero = not any(p.any() for p in first.parameters())
    _hold(starts_at_zero or not all(map(torch.equal, a, c)), "another seed draws the same weights")
    inputs, _ = easy_batch(task, 8)
    before, buffers = torch.get_rng_state(), [value.clone() for value in first.buffers()]
    with torch.no_grad():
        outputs = first(inputs), again(inputs)
    _hold(torch.equal(before, torch.get_rng_state()), "a step draws random numbers: dropout or drop path, set it to 0")
    _hold(torch.equal(*outputs), "equal networks give different outputs")
    ran = not all(map(torch.equal, buffers, first.buffers()))
    _hold(ran or not family.running_statistics, "running_statistics is True, but no buffer moves in training")
    _hold(not ran or family.running_statistics, "buffers move in training: set running_statistics = True")
    return "statistics run along" if ran else "no state but its weights"


def reaches(family: Family, task: Task) -> str:
    """Gradients reach every parameter within three steps: what starts at zero holds back the first ones."""
    rehearsal = Rehearsal.of(family, family.ladder[0], task, 0)
    rehearsal.train(steps=3, lr=1e-2)
    dead = [name for name, p in rehearsal.trained() if p.grad is None or not p.grad.any()]
    _hold(not dead, f"no gradient reaches {', '.join(dead)}")
    return f"{len(rehearsal.trained())} parameter tensors"


def learns(family: Family, task: Task) -> str:
    """The loss on an easy batch halves within 60 steps of Adam at one of three rates."""
    for lr in _RATES:
        losses = Rehearsal.of(family, family.ladder[0], task, 0).train(steps=60, lr=lr, until=0.5)
        if losses[-1] < 0.5 * losses[0]:
            return f"loss {losses[0]:.2f} to {losses[-1]:.2f} in {len(losses) - 1} steps at {lr:g}"
    raise Broken(
        f"the loss of an easy batch does not halve in 60 steps of Adam at any of {', '.join(map(str, _RATES))}"
    )


def is_counted(family: Family, task: Task) -> str:
    """Every large product is one that the FLOP counter sees."""
    hidden = uncounted(Rehearsal.of(family, family.ladder[0], task, 0).net, task)
    _hold(not hidden, f"not counted: {', '.join(hidden)}. Write attention and recurrences as plain products")
    return f"{count(family, family.ladder[0], task).forward:,} FLOPs forward at the smallest rung"


def packs(family: Family, task: Task) -> str:
    """A pack computes what a loop computes, and a replica's bits do not depend on the size of its pack."""
    if not family.packable:
        return "declared not packable"
    for rung in (family.ladder[0], family.ladder[min(2, len(family.ladder) - 1)]):
        for check, flaw in ((differs_from_a_loop, "a pack is no loop"), (notices_the_pack, "bits depend on the pack")):
            try:
                wrong = check(family, rung, task)
            except RuntimeError as error:
                raise Broken(f"it does not run packed: {error}. Set packable = False") from error
            _hold(not wrong, f"{flaw} at {dict(rung)}: {wrong}. Set packable = False")
    return "as a loop, bit for bit at any size"


def deepens(family: Family, task: Task) -> str:
    """Where depth is a knob, parameters grow with it, and blocks that end in ``branch_ends`` grow in proportion."""
    base = family.base_depth
    if base is None:
        return "depth is no knob"
    rungs = [{**family.ladder[0], "depth": n * base} for n in (1, 2, 4)]
    nets = [family.build(rung, task) for rung in rungs]
    sizes = [n_params(net) for net in nets]
    _hold(sizes == sorted(set(sizes)), f"twice the depth has no more parameters: {sizes}")
    twice, four_times = (_blocks(family, rung, net) for rung, net in zip(rungs[1:], nets[1:], strict=True))
    _hold(2 * twice == four_times, f"branch_ends find {twice} blocks at depth {2 * base}, {four_times} at {4 * base}")
    return f"base depth {base}, {twice // 2} blocks"


def _blocks(family: Family, rung: Rung, net: nn.Module) -> int:
    factors = depth_factors(family, rung, [name for name, _ in net.named_modules() if name], exponents=ADAM)
    return sum(factor == (1.0, 1.0) for factor in factors.values())


def moves_evenly(family: Family, task: Task) -> str:
    """A coordinate check of the outputs alone: under maximal update three steps of Adam move them alike at any width.

    The slope of their log change against log width, between the first and the fourth rung; `check-family` has it for
    every layer, with intervals. The square root of the parameters stands for the width.
    """
    rungs = family.ladder[0], family.ladder[min(3, len(family.ladder) - 1)]
    small, large = (count(family, rung, task).n_params for rung in rungs)
    _hold(large > small, "there is one size only")
    moves = [
        [Rehearsal.of(family, rung, task, seed).move(steps=3, lr=1e-3) for seed in range(_SEEDS)] for rung in rungs
    ]
    before, after = (sum(map(math.log, each)) / _SEEDS for each in moves)
    slope = (after - before) / math.log((large / small) ** 0.5)
    _hold(abs(slope) <= STEEPEST, f"outputs move with the power {slope:.2f} of the width, not 0")
    return f"slope {slope:+.2f}"


PROMISES: tuple[Promise, ...] = (
    builds,
    climbs,
    refuses,
    repeats,
    reaches,
    learns,
    is_counted,
    packs,
    deepens,
    moves_evenly,
)


def _hold(kept: bool, otherwise: str) -> None:
    if not kept:
        raise Broken(otherwise)


def report(family: Family, promises: Sequence[Promise] = PROMISES) -> bool:
    """Print one line a promise; whether all are kept."""
    task, kept = home(family), True
    print(f"{family.name} ({family.library}) on {task}")
    for promise in promises:
        start = time.perf_counter()
        try:
            word, clause = "kept  ", promise(family, task)
        except Broken as broken:
            word, clause, kept = "BROKEN", str(broken), False
        except Exception as error:  # an author's code may raise anything, and the other promises are still worth a look
            word, clause, kept = "BROKEN", f"{type(error).__name__}: {error}", False
        print(f"  {word} {promise.__name__:<12} {clause} ({time.perf_counter() - start:.1f} s)", flush=True)
    return kept


def main(names: Sequence[str]) -> int:
    """Check the named families; 0 where all promises are kept, 1 where one is broken, 2 for bad input."""
    if not names:
        print("usage: python -m onecurve.architectures.conformance FAMILY or path/to/my_net.py:MyNet ...")
        return 2
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        kept = [report(FAMILIES.make(name)) for name in names]
        return 0 if all(kept) else 1
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

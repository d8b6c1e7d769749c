"""Which column of somebody's table is what: by what the user says, by our names, by the field's common names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from ..errors import InputError, unknown

CLOCKS = ("x", "step", "compute")
# The field's names, each in small letters with "_" between words (`normal`). Of clocks the first kind that is there is
# taken: all count up, and a fraction of the horizon has no unit.
_CLOCK_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("step", ("step", "steps", "global_step", "trainer_global_step", "train_global_step", "train_step")),
    ("step", ("training_step", "training_steps", "optimizer_step", "iteration", "iterations", "iter", "iters", "itr")),
    ("step", ("update", "updates", "num_updates", "training_iteration", "batches")),
    ("tokens", ("tokens", "n_tokens", "num_tokens", "tokens_seen", "train_tokens", "training_tokens")),
    ("tokens", ("consumed_tokens", "total_tokens", "num_input_tokens_seen", "throughput_total_tokens")),
    ("examples", ("examples", "samples", "n_examples", "num_examples", "examples_seen", "samples_seen")),
    ("examples", ("consumed_samples", "consumed_train_samples")),
    ("compute", ("compute", "flops", "flop", "total_flops", "training_flops")),
    ("epoch", ("epoch", "epochs")),
    ("time", ("wall_time", "walltime", "time", "elapsed", "elapsed_time", "elapsed_seconds", "seconds", "runtime")),
    ("time", ("relative_time", "train_time", "train_time_s", "training_time", "time_total_s", "timestamp", "datetime")),
)
_COMMON: dict[str, tuple[str, ...]] = {
    "family": ("model", "model_name", "model_family", "model_type", "arch", "architecture", "network", "net"),
    "dataset": ("data", "data_set", "dataset_name", "data_name", "corpus", "task"),
    "size": (
        *("n_params", "num_params", "nparams", "n_param", "params", "parameters", "n_parameters", "num_parameters"),
        *("param_count", "parameter_count", "params_count", "total_params", "model_size", "model_params"),
    ),
    "seed": ("random_seed", "rng_seed", "train_seed", "trial_seed", "replicate", "replica", "repetition"),
    "loss": (
        *("eval_loss", "val_loss", "valid_loss", "validation_loss", "test_loss"),
        *("loss_eval", "loss_val", "loss_valid", "loss_validation", "loss_test"),
        *("eval_cross_entropy", "val_cross_entropy", "test_cross_entropy", "validation_cross_entropy"),
        *("eval_nll", "val_nll", "test_nll", "valid_nll", "cross_entropy", "nll"),
    ),
    "irreducible_loss": ("irreducible", "entropy_floor", "loss_floor", "bayes_loss", "l0"),
    "irreducible_loss_se": ("irreducible_loss_error", "irreducible_loss_stderr"),
    "test_loss_se": ("test_loss_error", "test_loss_stderr", "loss_se", "eval_loss_se", "val_loss_se"),
    "lr": ("learning_rate", "train_learning_rate", "train_lr"),
    "horizon": (
        *("total_steps", "max_steps", "planned_steps", "num_train_steps", "num_training_steps"),
        *("num_iterations", "max_iterations", "max_iters"),
    ),
    "status": ("state",),
    "run": ("run_name", "run_id", "name", "experiment", "experiment_name", "exp_name", "trial", "trial_name"),
}
_OPTIONAL = ("recipe", "leg", "observable")
_NESTED = ("size", "seed", "lr", "horizon")  # parameters that may be nested, as in optim.lr or trainer.max_steps
# Names that say that the loss is not in nats.
UNIT_NAMES = {"bpb": "bits-per-byte", "bits_per_byte": "bits-per-byte", "bits": "bits", "ppl": "perplexity"}
UNIT_NAMES |= {"perplexity": "perplexity", "bits_per_token": "bits", "bpt": "bits", "bits_per_character": "bits"}
# Writers that put the loss of training under `loss`, beside that of an evaluation.
_LOSS_IS_TRAINING = ("keras", "hugging face", "trainer_state")


@dataclasses.dataclass
class Chosen:
    """Columns under our names.

    Attributes
    ----------
    columns : our name to the table's. The clock is ``x`` or ``step``, whatever it counts.
    clock : the kind of clock: x, step, tokens, examples, compute, epoch or time; None where there is none.
    several : our name to columns of which each would do, so that none was taken.
    from_zero : whether the clock counts what was done before, so that its first 0 stands for one.
    notes : what was taken by its common name.
    """

    columns: dict[str, str]
    clock: str | None = None
    several: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    from_zero: bool = False
    notes: list[str] = dataclasses.field(default_factory=list)


def normal(name: str) -> str:
    """A column's name in small letters, words joined by ``_``, without what a tracker puts before a parameter."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    return re.sub(r"^(config|hparams|hyperparameters|params|parameters)_(?=.)", "", plain)


def common_losses() -> tuple[str, ...]:
    """What a column of the loss is called, in small letters with "_" between words."""
    return ("loss", *_COMMON["loss"])


def choose(there: Sequence[str], given: Mapping[str, str], kind: str) -> Chosen:
    """Say which column is what.

    Parameters
    ----------
    there : the table's columns.
    given : our name to the table's, as the user has it.
    kind : what the table was recognised as; some writers call the loss of training ``loss``.

    Raises
    ------
    InputError
        The user names a column that is not there.
    """
    for column in given.values():
        if column not in there:
            raise unknown("column", column, there)
    clocks = [name for name in CLOCKS if name in given]
    if len(clocks) > 1:
        raise InputError(f"one clock is enough: --column gives {' and '.join(clocks)}")
    chosen = Chosen(dict(given))
    for name in (*_OPTIONAL, *_COMMON):
        if name not in chosen.columns:
            _take(chosen, name, there, kind)
    _take_clock(chosen, there)
    if chosen.clock not in ("step", "x") and "horizon" in chosen.columns and "horizon" not in there:
        del chosen.columns["horizon"]  # a common name such as max_steps counts steps
    if chosen.clock == "epoch" and "keras" in kind.lower():
        chosen.from_zero = True
        chosen.notes.append("Keras counts epochs from 0 and evaluates at their end: 1 is added")
    renamed = {ours: theirs for ours, theirs in chosen.columns.items() if ours not in given and ours != theirs}
    if renamed:
        pairs = ", ".join(f"{theirs!r} as {ours}" for ours, theirs in renamed.items())
        chosen.notes.append(f"columns taken by their common names: {pairs}")
    return chosen


def _take(chosen: Chosen, name: str, there: Sequence[str], kind: str) -> None:
    free = [column for column in there if column not in chosen.columns.values()]
    exact = [column for column in free if column == name] or [column for column in free if normal(column) == name]
    common = [column for column in free if normal(column) in _COMMON.get(name, ()) and column not in exact]
    if name == "loss" and exact and common:
        training = any(word in kind.lower() for word in _LOSS_IS_TRAINING)
        exact, common = ([], common) if training else ([], [*exact, *common])
    found = exact or common or _nested(name, free)
    if len(found) == 1:
        chosen.columns[name] = found[0]
    elif len(found) > 1 and name not in _OPTIONAL:
        chosen.several[name] = found


def _nested(name: str, free: Sequence[str]) -> list[str]:
    """Columns of nested parameters whose last word is ours."""
    words = (name, *_COMMON.get(name, ()))
    return [column for column in free if name in _NESTED and "." in column and normal(column.split(".")[-1]) in words]


def _take_clock(chosen: Chosen, there: Sequence[str]) -> None:
    given = next((name for name in CLOCKS if name in chosen.columns), None)
    if given is not None:
        column = chosen.columns.pop(given)
        chosen.clock = "x" if given == "x" else kind_of_clock(column) or given
        chosen.columns["x" if given == "x" else "step"] = column
        return
    free = [column for column in there if column not in chosen.columns.values()]
    for name in CLOCKS:
        if name in free:
            chosen.clock, chosen.columns["x" if name == "x" else "step"] = name, name
            return
    for kind, names in _CLOCK_KINDS:
        for name in names:
            found = [column for column in free if normal(column) == name]
            if found:
                chosen.clock, chosen.columns["step"] = kind, found[0]
                return


def kind_of_clock(column: str) -> str | None:
    """What a column counts, going by its name."""
    return next((kind for kind, names in _CLOCK_KINDS if normal(column) in names), None)


def likely(name: str, there: Iterable[str]) -> str | None:
    """The column that is most likely meant by our name: a slip of the pen, or words that only such a column has."""
    by_normal = {normal(column): column for column in there}
    close = get_close_matches(name, by_normal, n=1, cutoff=0.75)
    if close:
        return by_normal[close[0]]
    words = {
        "size": r"param|size",
        "loss": r"loss|nll|entropy|bpb|ppl|perplexity",
        "step": r"step|iter|token|epoch|time",
    }
    fits = [plain for plain in by_normal if re.search(words.get(name, "$^"), plain) and "train" not in plain]
    fits = [plain for plain in fits if not (name == "loss" and re.search(r"floor|irreducible|_se$", plain))]
    return by_normal[fits[0]] if len(fits) == 1 else None

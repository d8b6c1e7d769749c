"""Cases built after public reports: each gives the numbers of a tidy table of the same runs, or the way out.

The folder is not part of the repository: ``ONECURVE_CASES`` says where it is.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from onecurve.collapse.analysis import analyze
from onecurve.errors import InputError
from onecurve.results.layout import Layout
from onecurve.results.reading import read_curves

CASES = Path(os.environ.get("ONECURVE_CASES", Path(__file__).parents[2] / "shared" / "cases"))
WHOLE = ("collapse", 0.0032, 0.0056)

# file, what the user says, verdict with deviation and bound, what is said of how it was read
READ = [
    ("reference_tidy.csv", {}, WHOLE, ""),
    ("planned_horizon_one_step_more_than_logged.csv", {}, WHOLE, "all 16 runs end 0.023 to 0.1 % from their horizon"),
    ("x_is_tokens_over_20N_ends_at_1.0003.csv", {}, WHOLE, "all 16 runs end 0.0016 to 0.026 % from their horizon"),
    ("seed_unsigned_64_bit.csv", {}, WHOLE, ""),
    ("size_labels_70M_1.3B.csv", {}, WHOLE, ""),
    ("x_axis_tokens.csv", {}, WHOLE, "'tokens' as step"),
    ("wall_clock_seconds.csv", {}, WHOLE, "'wall_time' as step"),
    ("usual_names_model_n_params_val_loss.csv", {}, WHOLE, "'model' as family"),
    ("wandb_names_eval_loss__step.csv", {}, WHOLE, "'eval/loss' as loss, '_step' as step"),
    ("wandb_history_nan_where_not_logged.csv", {}, WHOLE, "640 rows without a loss count as not logged"),
    ("parquet_step_is_duration.parquet", {}, WHOLE, "duration"),
    ("loss_called_bpb.csv", {"column": {"loss": "bpb"}, "unit": "bits-per-byte", "floor_unit": "bits-per-byte"}, WHOLE,
     "converted from bits-per-byte"),
    ("split_column_train_and_val.csv", {"only": {"split": "train"}}, WHOLE, ""),
    ("train_and_val_files/val.csv", {}, WHOLE, ""),
    ("restart_counter_reset.csv", {}, WHOLE, "1 of 16 runs: step goes back"),
    ("every_run_resumed_once_counter_from_zero.csv", {}, ("approximate", 0.0032, 0.0057), "all 16 runs: step goes"),
    ("wandb_history_sampled_at_random_steps.csv", {}, ("collapse", 0.0135, 0.0231), "sampled at random"),
    ("last_point_missing_in_half_of_the_runs.csv", {}, ("cannot-tell", None, None), "8 of 16 runs .* by 2.5 %"),
    ("last_point_missing_in_half_of_the_runs.csv", {"horizon": "common"}, ("collapse", 0.0036, 0.0061), "up to 97.5 %"),
    ("early_stopping_each_run_ends_elsewhere.csv", {}, ("cannot-tell", None, None), "12 of 16 runs .* 40 %"),
    ("one_run_diverged_nan_tail.csv", {}, ("cannot-tell", 0.0028, 0.0058), "1 of 16 runs diverged"),
    ("onecurve_own_export_curves.csv", {}, ("cannot-tell", None, None), "stands alone"),
]  # fmt: skip

REFUSED = [
    (["train_and_val_files/train.csv", "train_and_val_files/val.csv"], "16 runs are given twice"),
    (["split_column_train_and_val.csv"], r"2 rows for .* They differ in 'split' \(train, val\): --only split=val"),
    (["loss_called_bpb.csv"], r"loss \(is it 'bpb'\?\).*--column loss=bpb --unit bits-per-byte --floor-unit"),
    (["only_run_names.csv"], r"Each name in 'run' stands 4 times at one step.*\n.*--run '\(\?P<size>"),
    (["isoflop_final_losses.csv"], "final losses make no learning curve"),
]


if not CASES.is_dir():
    pytest.skip(f"no cases at {CASES}", allow_module_level=True)


def test_cases_that_are_read():
    for name, said, (verdict, deviation, bound), note in READ:
        curves = read_curves([CASES / name], layout=Layout(**said))
        floor = 1.7 if name.startswith("parquet") else "known"
        (group,) = analyze(curves, rng=np.random.default_rng(0), resamples=199, irreducible_loss=floor).groups
        assert group.verdict == verdict, (name, group.reason)
        if deviation is not None:
            assert (group.deviation, group.reference_bound) == pytest.approx((deviation, bound), rel=0.08), name
        assert re.search(note, " ".join(curves.notes)), (name, curves.notes)


def test_cases_that_are_refused():
    for names, reason in REFUSED:
        with pytest.raises(InputError, match=f"(?s){reason}"):
            read_curves([CASES / name for name in names])

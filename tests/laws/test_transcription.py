"""Laws evaluated at published coefficients give the figures that were computed from the source, one per law.

Inputs and outputs were computed outside this package from the coefficients as printed, to six digits; the tolerance is
their rounding. Where a law has no published set because its coefficients were only seen second-hand, they stand here
to test the curve and nowhere else.
"""

import pytest

from obslaws.laws.registry import law

N, D = 1e9, 2e10
ROUNDING = 1e-5  # six digits

SECOND_HAND = {
    "farseer": {
        "a1": -0.124, "alpha": 0.123, "b1": 0.424, "a2": 88.01, "beta": -0.1, "b2": -6.287,
        "a3": -0.021, "gamma": 0.169, "b3": -0.091,
    },
    "weight_sparsity": {"a_S": 16.8, "b_S": 0.722, "c_S": 45.0, "b_N": 0.245, "a_D": 6.9e8, "b_D": 0.203, "c": 0.651},
}  # fmt: skip

SIZE_DATA = {"n_params": N, "n_tokens": D}
CHECKS = [
    ("kaplan_nd", SIZE_DATA, None, 2.37388, ROUNDING),
    ("chinchilla", SIZE_DATA, None, 2.53005, ROUNDING),
    # an exponent of four digits times ln(1e9) leaves half a per mille here, a third of one for Gemstones
    ("gadre_loss", {"n_params": N, "n_tokens": 20 * N}, None, 2.86281, 5e-4),
    ("gemstones", {"n_params": N, "n_tokens": 1e11}, None, 2.67945, 3e-4),
    ("porian_alloc", {"train_flop": 1e19}, None, 3.27252e8, ROUNDING),
    ("data_constrained", {"n_params": N, "n_tokens": 8e10, "n_unique_tokens": D}, None, 2.43602, ROUNDING),
    ("routed", {"n_dense_params": N, "n_experts": 64}, "S-BASE", 2.08581, ROUNDING),
    ("moe_granularity", {**SIZE_DATA, "granularity": 8}, None, 3.14039, ROUNDING),
    ("moe_sparsity", {**SIZE_DATA, "sparsity": 0.9}, None, 2.70187, ROUNDING),
    (
        "vocabulary",
        {"n_nonvocab_params": N, "vocab_size": 32_000, "width": 2048, "n_tokens": D},
        None, -4.87984, ROUNDING,
    ),
    ("parscale", {"n_params": N, "n_streams": 4}, "stack-python", 1.0852, 5e-5),  # printed to five digits
    ("sparsing", {"n_tokens": 1e11}, "0.1B", 0.0674351, ROUNDING),
    ("precision", {**SIZE_DATA, "weight_bits": 8, "activation_bits": 8, "kv_bits": 8}, None, 3.05299, ROUNDING),
    ("qid", {"n_params": N, "n_tokens": 1e11, "bits": 4}, None, 0.0459521, ROUNDING),
    ("fp_quant", {**SIZE_DATA, "exponent_bits": 1, "mantissa_bits": 1, "block_size": 128}, None, 2.82847, ROUNDING),
    ("step_law", SIZE_DATA, None, 0.000996023, ROUNDING),
    ("step_law_batch", {"n_tokens": D}, None, 441892.0, ROUNDING),
    ("diloco", {"n_params": N, "n_replicas": 2}, "joint", 2.51699, ROUNDING),
    ("finetune_joint", {"scale": N, "n_examples": 1e6}, "en-de/full/size", 1.06563, ROUNDING),
    ("distillation_supervised", {"n_params": 1e8, "n_tokens": D}, None, 2.72968, ROUNDING),
    ("gadre_error", {"loss": 2.5}, "redpajama-17", 0.487395, ROUNDING),
    (
        "performance_law",
        {"n_layers": 32, "width": 4096, "ffn_width": 14336, "n_tokens": 15e12, "n_params": 8e9},
        None, 65.4342, ROUNDING,
    ),
    # computed from more digits of the exponent than -0.111
    ("compute_error", {"compute": 1e13}, "openclip-imagenet", 0.212164, 1e-3),
    ("coverage", {"n_samples": 10_000}, "pythia-12b-math", 0.85551, ROUNDING),
    ("boardgames", {"train_flop": 1e15, "board_size": 9}, None, -620.0, ROUNDING),
    ("dit", {"train_flop": 1e18}, None, 0.772287, ROUNDING),
    ("farseer", SIZE_DATA, "second-hand", 0.527224, ROUNDING),
    ("weight_sparsity", {"sparsity": 0.5, "n_nonzero_params": 1e8, "n_tokens": 1e10}, "second-hand", 1.83724, ROUNDING),
]  # fmt: skip


@pytest.mark.parametrize(("name", "x", "params", "expected", "tolerance"), CHECKS, ids=[c[0] for c in CHECKS])
def test_law_gives_the_published_figure(name, x, params, expected, tolerance):
    params = SECOND_HAND[name] if params == "second-hand" else params
    assert float(law(name).evaluate(x, params)[0]) == pytest.approx(expected, rel=tolerance)


def test_student_stands_between_teacher_and_supervised_loss():
    x = {"n_params": 1e8, "n_tokens": D}
    alone = float(law("distillation_supervised").evaluate(x)[0])
    student = law("distillation").evaluate({**x, "teacher_loss": 2.0, "supervised_loss": alone})
    assert float(student[0]) == pytest.approx(2.63152, rel=ROUNDING)


def test_density_doubles_in_a_hundred_days():
    published = {s.name: s.params for s in law("densing").published}
    doubling = law("densing").derived(published["arxiv"]["A_t"], 0.0)["doubling_days"]
    assert float(doubling) == pytest.approx(99.021, rel=ROUNDING)


def test_optimal_exponent_of_the_re_estimate():
    derived = law("chinchilla").derived(*law("chinchilla").coefficients().values())
    assert derived["size_exponent"] == pytest.approx(0.5126, abs=5e-5)
    assert 15 < derived["tokens_per_param_at_5.76e23"] < 25, "about twenty tokens per parameter"

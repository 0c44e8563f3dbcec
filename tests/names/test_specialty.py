import re

import numpy as np
import pytest

from obslaws.names import SPECIALTIES, hand_table, specialty
from obslaws.panel import load_panel
from obslaws.skill.covariates import made_for


@pytest.mark.parametrize(
    ("family", "told"),
    [
        ("qwen2.5-coder-instruct", "code"),
        ("starcoder2", "code"),
        ("codegen-nl", "general"),  # CodeGen before any code
        ("encoder-lm", "general"),
        ("deepseek-math-rl", "math"),
        ("pankajmathur/orca_mini_v3", "general"),  # owners' names tell nothing
        ("deepseek-r1", "reasoning"),
        ("powerlm-r10", "general"),
        ("gpt-4o", "general"),
        ("o3", "reasoning"),
        ("xglm", "language"),
        ("qwen2.5", "general"),
        (None, "general"),
        (np.nan, "general"),
    ],
)
def test_a_name_tells_what_a_family_was_made_for(family, told):
    assert specialty(family) == told


def test_every_rule_speaks_and_is_the_first_to():
    table = hand_table("specialties")
    assert table.notna().all(axis=None)
    assert set(table["specialty"]) == set(SPECIALTIES)
    views = ("core", "sloth", "epoch-2025-11", "benchpress-v1", "finetunes")
    families = {str(name) for view in views for name in load_panel(view).models["family"].dropna()}
    for pattern, told in zip(table["pattern"], table["specialty"], strict=True):
        found = {name for name in families if re.search(pattern, name.rpartition("/")[2].lower())}
        assert any(specialty(name) == told for name in found), pattern


def test_covariates_of_what_families_were_made_for():
    told = made_for(np.array(["qwen2", "codellama", "llemma", "qwq", "bloom"], dtype=object))
    np.testing.assert_array_equal(told, [[0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])

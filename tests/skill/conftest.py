import numpy as np
import pytest

from obslaws.simulate import simulate_panel
from obslaws.skill.covariates import CovariateScale, raw_covariates
from obslaws.skill.problem import Data, Priors, Problem
from obslaws.skill.tree import Nesting


def data_of(panel):
    """A panel as the arrays that a fit sees; families and base families numbered by name."""
    models = panel.models
    raw = raw_covariates(models)
    covariates, unknown = CovariateScale.learn(raw).apply(raw)
    family_names, family = np.unique(models["family"].to_numpy(dtype=str), return_inverse=True)
    bases, base_of_model = np.unique(models["base_family"].to_numpy(dtype=str), return_inverse=True)
    base = np.zeros(len(family_names), dtype=np.intp)
    base[family] = base_of_model
    return Data(
        panel.scores.to_numpy(),
        covariates,
        unknown,
        panel.benchmarks["score_floor"].to_numpy(),
        panel.benchmarks["n_items"].to_numpy(),
        Nesting(family, base, len(bases)),
    )


@pytest.fixture(scope="session")
def make_data():
    return data_of


@pytest.fixture(scope="session")
def simulated():
    return simulate_panel(n_families=6, n_benchmarks=4, missing=0.15, unknown=0.15, random_state=3)


@pytest.fixture(scope="session")
def data(simulated):
    return data_of(simulated.panel)


@pytest.fixture(scope="session")
def at_random(data):
    """The problem away from its mode, where no gradient is small: problem, state, variances, precision, spread."""
    rng = np.random.default_rng(5)
    problem = Problem(data, 2, Priors())
    state, variances = problem.start()
    n_benchmarks, n_bases = data.scores.shape[1], data.nesting.n_bases
    shared = state.slopes.size + problem.item_index.size
    size = (state.skills.shape, state.family.shape, (n_bases, 2 + n_benchmarks), shared)
    state = state.moved(tuple(0.3 * rng.standard_normal(shape) for shape in size))
    root = rng.standard_normal((n_benchmarks, 2, 2))
    spread = root @ np.swapaxes(root, 1, 2)
    return problem, state, variances, problem.model_precision(variances, state.slopes), spread

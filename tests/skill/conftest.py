import numpy as np
import pytest
from scipy.linalg import block_diag

from obslaws.simulate import simulate_panel
from obslaws.skill.covariates import CovariateScale, raw_covariates
from obslaws.skill.problem import Data, Penalty, Priors, Problem
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
    """The problem away from its mode, where no gradient is small: problem, state, variances, precision, penalty."""
    rng = np.random.default_rng(5)
    problem = Problem(data, 2, Priors())
    state, variances = problem.start()
    n_benchmarks, n_bases = data.scores.shape[1], data.nesting.n_bases
    shared = state.slopes.size + problem.item_index.size
    size = (state.skills.shape, state.family.shape, (n_bases, 2 + n_benchmarks), shared)
    state = state.moved(tuple(0.3 * rng.standard_normal(shape) for shape in size))
    root = rng.standard_normal((n_benchmarks, 2, 2))
    penalty = Penalty(root @ np.swapaxes(root, 1, 2), rng.standard_normal((n_benchmarks, 2)))
    return problem, state, variances, problem.model_precision(variances, state.slopes), penalty


D = 2


class Dense:
    """All unknowns of a fit in one vector: models, families, base families with own intercepts, shared parameters."""

    def __init__(self, fit):
        self.fit, data, state, var = fit, fit.problem.data, fit.state, fit.variances
        nesting, d = data.nesting, fit.n_skills
        (self.m, self.j), self.p = data.scores.shape, data.covariates.shape[1]
        self.f, self.b = nesting.n_families, nesting.n_bases
        q = d + self.j
        sizes = [self.m * d, self.f * d, self.b * q, self.p * d, self.j, self.j * d, self.j, self.j]
        self.at = np.cumsum([0, *sizes])
        self.q, n = q, self.at[-1]
        residual, deviation = np.zeros((self.m * d, n)), np.zeros((self.f * d, n))
        residual[:, : self.m * d] = np.eye(self.m * d)
        for m in range(self.m):
            rows = slice(m * d, m * d + d)
            residual[rows, self.family(nesting.family[m])] -= np.eye(d)
            residual[rows, self.at[3] : self.at[4]] -= np.kron(data.covariates[m], np.eye(d))
        for f in range(self.f):
            deviation[f * d : f * d + d, self.family(f)] += np.eye(d)
            deviation[f * d : f * d + d, self.base(nesting.base[f])[:d]] -= np.eye(d)
        h = residual.T @ block_diag(*fit.precision) @ residual
        h += deviation.T @ np.kron(np.eye(self.f), np.linalg.inv(var.family)) @ deviation
        for b in range(self.b):
            at = self.base(b)
            h[np.ix_(at, at)] += block_diag(np.linalg.inv(var.base), np.diag(1 / var.own))
        h[self.at[3] : self.at[4], self.at[3] : self.at[4]] += np.diag(np.repeat(1 / var.slope, d))
        prior_of_items = fit.problem.item_precision(var)
        for j in range(self.j):
            at = self.items(j)
            prior = prior_of_items.copy()
            prior[1 : d + 1, 1 : d + 1] += fit.penalty.spread[j]
            h[np.ix_(at, at)] += prior
        cells = fit.problem.cells(state, var.noise)
        for m, j in zip(*np.nonzero(fit.problem.mask), strict=True):
            g = self.row(m, nesting.family[m], nesting.base_of_model[m], None, j) * cells.slope[m, j]
            g[self.items(j)[d + 1 :]] = cells.lift[m, j], cells.sink[m, j]
            h += cells.weight[m, j] * np.outer(g, g)
        self.cov = np.linalg.inv(h)

    def family(self, f):
        return self.at[1] + f * D + np.arange(D)

    def base(self, b):
        return self.at[2] + b * self.q + np.arange(self.q)

    def items(self, j):
        a = self.at
        return np.r_[a[4] + j, a[5] + j * D + np.arange(D), a[6] + j, a[7] + j]

    def tilted(self, m, f, b, x, j):
        """The same for what a score observes: with the asymptotes, in units of the logit."""
        g, fit = self.row(m, f, b, x, j), self.fit
        state, guess = fit.state, fit.problem.data.score_floor[j]
        skills = state.skills[m] if m >= 0 else x @ state.slopes
        if m < 0:
            skills = skills + (state.family[f] if f >= 0 else state.base[b] if b >= 0 else 0)
        logit = state.intercepts[j] + state.loadings[j] @ skills + (state.own[b, j] if b >= 0 else 0)

        def score(logit, c, f):
            low = guess / (1 + np.exp(-f))
            return low + (guess + (1 - guess) / (1 + np.exp(-c)) - low) / (1 + np.exp(-logit))

        here, step = np.array([logit, state.ceiling_logits[j], state.floor_logits[j]]), 1e-5
        slope, lift, sink = ((score(*(here + e)) - score(*(here - e))) / (2 * step) for e in step * np.eye(3))
        g[self.items(j)[D + 1 :]] = lift / slope, sink / slope
        return g

    def row(self, m, f, b, x, j):
        """Derivative of a logit by all unknowns; -1 for what the fit does not know."""
        state, g = self.fit.state, np.zeros(self.at[-1])
        weight = state.loadings[j]
        if m >= 0:
            skills = state.skills[m]
            g[m * D : m * D + D] = weight
        else:
            skills = x @ state.slopes
            g[self.at[3] : self.at[4]] = np.outer(x, weight).ravel()
            if f >= 0:
                skills = skills + state.family[f]
                g[self.family(f)] = weight
            elif b >= 0:
                skills = skills + state.base[b]
                g[self.base(b)[:D]] = weight
        if b >= 0:
            g[self.base(b)[D + j]] = 1
        g[self.items(j)[: D + 1]] = np.r_[1, skills]
        return g


@pytest.fixture(scope="session")
def dense_of():
    return Dense

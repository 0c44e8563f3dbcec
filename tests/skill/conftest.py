from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import block_diag

from obslaws.links import clipped_logit, logistic
from obslaws.simulate import simulate_board, simulate_panel
from obslaws.skill.covariates import CovariateScale, Siblings, raw_covariates
from obslaws.skill.fit import fit_skills
from obslaws.skill.problem import Data, Penalty, Priors, Problem
from obslaws.skill.sparse_fit import fit_cells
from obslaws.skill.tree import Nesting


def data_of(panel):
    """A panel as the arrays that a fit sees; families and base families numbered by name.

    Of three base families in a row the first two share a lab, and the third is alone in its own.
    """
    models = panel.models
    raw = raw_covariates(models, Siblings.learn(models))
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
        Nesting(family, base, np.arange(len(bases)) * 2 // 3),
        np.log2(models["n_active_params"].to_numpy(dtype=float)),
        panel.benchmarks["ceiling"].to_numpy(dtype=float),
    )


@pytest.fixture(scope="session")
def make_data():
    return data_of


@pytest.fixture(scope="session")
def simulated():
    """The most a model can score is known of the second benchmark, and left to the scores of the others."""
    out = simulate_panel(n_families=6, n_benchmarks=4, missing=0.15, unknown=0.15, random_state=3)
    known = out.panel.benchmarks.assign(ceiling=[np.nan, 1.0, np.nan, np.nan])
    return replace(out, panel=replace(out.panel, benchmarks=known))


@pytest.fixture(scope="session")
def data(simulated):
    return data_of(simulated.panel)


@pytest.fixture(scope="session")
def labs_apart():
    """Four labs of four base families each; the scores of every second lab are higher by a logit and a half."""
    data = data_of(simulate_panel(n_families=24, n_skills=1, random_state=0).panel)
    lab = np.arange(16) // 4
    up = np.where(lab % 2, 0.75, -0.75)[data.nesting.base_of_model]
    scores = logistic(clipped_logit(data.scores, margin=0.01) + up[:, None])
    return replace(data, scores=scores, nesting=Nesting(data.nesting.family, data.nesting.base, lab))


@pytest.fixture(scope="session")
def at_random(data):
    """The problem away from its mode, where no gradient is small: problem, state, variances, precision, penalty."""
    rng = np.random.default_rng(5)
    problem = Problem(data, 2, Priors())
    state, variances = problem.start()
    n_benchmarks, n_bases = data.scores.shape[1], data.nesting.n_bases
    shared = state.slopes.size + problem.item_index.size
    size = (state.skills.shape, state.family.shape, (n_bases, 2 + n_benchmarks), state.lab.shape, shared)
    state = state.moved(tuple(0.3 * rng.standard_normal(shape) for shape in size))
    root = rng.standard_normal((n_benchmarks, 2, 2))
    penalty = Penalty(root @ np.swapaxes(root, 1, 2), *rng.standard_normal((2, n_benchmarks, 2)))
    return problem, state, variances, problem.model_precision(variances, state.slopes), penalty


D = 2


class Dense:
    """All unknowns of a fit in one vector.

    Models, families, base families with own intercepts, shared parameters (slopes, intercepts, loadings, ceilings,
    floors), and labs behind them all.
    """

    def __init__(self, fit):
        self.fit, data, state, var = fit, fit.problem.data, fit.state, fit.variances
        nesting, d = data.nesting, fit.n_skills
        (self.m, self.j), self.p = data.scores.shape, data.covariates.shape[1]
        self.f, self.b, self.l = nesting.n_families, nesting.n_bases, nesting.n_labs
        q = d + self.j
        sizes = [self.m * d, self.f * d, self.b * q, self.p * d, self.j, self.j * d, self.j, self.j, self.l * d]
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
        departure = np.zeros((self.b * d, n))
        for b in range(self.b):
            departure[b * d : b * d + d, self.base(b)[:d]] += np.eye(d)
            departure[b * d : b * d + d, self.lab(nesting.lab[b])] -= np.eye(d)
            h[self.base(b)[d:], self.base(b)[d:]] += 1 / var.own
        h += departure.T @ np.kron(np.eye(self.b), np.linalg.inv(var.base)) @ departure
        for lab in range(self.l):
            h[np.ix_(self.lab(lab), self.lab(lab))] += np.linalg.inv(var.lab)
        h[self.at[3] : self.at[4], self.at[3] : self.at[4]] += np.diag(np.repeat(1 / var.slope, d))
        prior_of_items = fit.problem.item_precision(var)
        for j in range(self.j):
            at = self.items(j)
            prior = prior_of_items[j].copy()
            prior[1 : d + 1, 1 : d + 1] += fit.penalty.spread[j]
            h[np.ix_(at, at)] += prior
        cells = fit.problem.cells(state, var.noise)
        for m, j in zip(*np.nonzero(fit.problem.mask), strict=True):
            base = nesting.base_of_model[m]
            g = self.row(m, nesting.family[m], base, nesting.lab[base], None, j) * cells.slope[m, j]
            g[self.items(j)[d + 1 :]] = cells.lift[m, j], cells.sink[m, j]
            h += cells.weight[m, j] * np.outer(g, g)
        self.cov = np.linalg.inv(h)

    def family(self, f):
        return self.at[1] + f * D + np.arange(D)

    def base(self, b):
        return self.at[2] + b * self.q + np.arange(self.q)

    def lab(self, lab):
        return self.at[8] + lab * D + np.arange(D)

    def items(self, j):
        a = self.at
        return np.r_[a[4] + j, a[5] + j * D + np.arange(D), a[6] + j, a[7] + j]

    def tilted(self, m, f, b, lab, x, j):
        """The same for what a score observes: with the asymptotes, in units of the logit."""
        g, fit = self.row(m, f, b, lab, x, j), self.fit
        state, guess = fit.state, fit.problem.data.score_floor[j]
        skills = self.skills(m, f, b, lab, x)
        logit = state.intercepts[j] + state.loadings[j] @ skills + (state.own[b, j] if b >= 0 else 0)

        def score(logit, c, f):
            low = guess / (1 + np.exp(-f))
            return low + (guess + fit.problem.room[j] / (1 + np.exp(-c)) - low) / (1 + np.exp(-logit))

        here, step = np.array([logit, state.ceiling_logits[j], state.floor_logits[j]]), 1e-5
        slope, lift, sink = ((score(*(here + e)) - score(*(here - e))) / (2 * step) for e in step * np.eye(3))
        g[self.items(j)[D + 1 :]] = lift / slope, sink / slope
        return g

    def skills(self, m, f, b, lab, x):
        """Expected skills by the nearest relative that the fit knows."""
        state = self.fit.state
        if m >= 0:
            return state.skills[m]
        above = state.family[f] if f >= 0 else state.base[b] if b >= 0 else state.lab[lab] if lab >= 0 else 0
        return x @ state.slopes + above

    def above(self, f, b, lab):
        """Where the effect of that relative of an unknown model stands; nowhere without any."""
        return self.family(f) if f >= 0 else self.base(b)[:D] if b >= 0 else self.lab(lab) if lab >= 0 else []

    def row(self, m, f, b, lab, x, j):
        """Derivative of a logit by all unknowns; -1 for what the fit does not know."""
        g, weight = np.zeros(self.at[-1]), self.fit.state.loadings[j]
        if m >= 0:
            g[m * D : m * D + D] = weight
        else:
            g[self.at[3] : self.at[4]] = np.outer(x, weight).ravel()
            at = self.above(f, b, lab)
            g[at] = weight[: len(at)]
        if b >= 0:
            g[self.base(b)[D + j]] = 1
        g[self.items(j)[: D + 1]] = np.r_[1, self.skills(m, f, b, lab, x)]
        return g


@pytest.fixture(scope="session")
def dense_of():
    return Dense


@pytest.fixture(scope="session")
def board():
    """A sparse panel that both solvers can do."""
    return simulate_board(n_models=600, n_benchmarks=30, n_skills=2, fill=0.15, random_state=4)


@pytest.fixture(scope="session")
def fits(board):
    """The exact fit with each base family in a lab of its own, and the large one.

    Labs then say nothing that base families do not, and the loadings' prior stays at its guess in both.
    """
    data = data_of(board.panel)
    nesting = data.nesting
    alone = Nesting(nesting.family, nesting.base, np.arange(nesting.n_bases))
    return fit_skills(replace(data, nesting=alone), 2, Priors(loading_weight=1e12)), fit_cells(data, 2)

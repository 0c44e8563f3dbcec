"""The Sloth paper's optimiser, written anew from its description: Adam with a plateau schedule and patience, numpy.

Full batch; start rates 0.1, 0.01 and 0.001 from one seed, the fit with the lowest training error is kept. The rate
falls by 5 % after 20 epochs without a relative gain of 1e-4 in the loss; a run ends after 500 epochs in which the mean
absolute error did not fall by 1e-5, or after 100,000. Gradients are analytic.
"""

import numpy as np

__all__ = ["adam", "learned_link", "logistic_link"]

RATES = (0.1, 0.01, 0.001)
EPOCHS, PATIENCE, LEAST_GAIN = 100_000, 500, 1e-5
PLATEAU, PLATEAU_GAIN, PLATEAU_FACTOR = 20, 1e-4, 0.95
THRESHOLD = 0.01


def adam(passes, starts, lowest=None, rates=RATES):
    """Run Adam from one start per rate.

    Parameters
    ----------
    passes : callable
        From a list of arrays to residuals (n, J) and a function from the residuals' derivatives to the gradients.
    starts : callable
        Gives fresh arrays; called once per rate.
    lowest : list of float or None, optional
        Clamp of each array after each step.
    rates : tuple of float

    Returns
    -------
    dict
        objective (Huber's loss over its threshold), mae, epochs (all rates together), rate.
    """
    best, epochs = None, 0
    for rate in rates:
        params = starts()
        first, second = ([np.zeros_like(p) for p in params] for _ in range(2))
        step, plateau, since_plateau, least, since = rate, np.inf, 0, np.inf, 0
        for epoch in range(1, EPOCHS + 1):
            residual, back = passes(params)
            size = np.abs(residual)
            small = np.minimum(size, THRESHOLD)
            loss, mae = float((small * (size - 0.5 * small)).mean() / THRESHOLD), float(size.mean())
            if mae < least - LEAST_GAIN:
                least, since, kept = mae, 0, loss
            else:
                since += 1
                if since >= PATIENCE:
                    break
            if loss < plateau * (1.0 - PLATEAU_GAIN):
                plateau, since_plateau = loss, 0
            else:
                since_plateau += 1
                if since_plateau > PLATEAU:
                    step, since_plateau = step * PLATEAU_FACTOR, 0
            gradients = back(np.clip(residual / THRESHOLD, -1.0, 1.0) / residual.size)
            for k, gradient in enumerate(gradients):
                first[k] += 0.1 * (gradient - first[k])
                second[k] += 0.001 * (gradient * gradient - second[k])
                scale = np.sqrt(second[k] / params[k].dtype.type(1.0 - 0.999**epoch)) + params[k].dtype.type(1e-8)
                params[k] -= params[k].dtype.type(step / (1.0 - 0.9**epoch)) * first[k] / scale
                if lowest is not None and lowest[k] is not None:
                    np.maximum(params[k], lowest[k], out=params[k])
        epochs += epoch
        if best is None or least < best["mae"]:
            best = {"objective": kept, "mae": least, "rate": rate}
    return best | {"epochs": epochs}


def _design(data, dtype):
    member = np.eye(int(data.family.max()) + 1)[data.family]
    return np.concatenate([member, data.covariates], axis=1).astype(dtype)


def logistic_link(data, n_skills, seed=42, dtype=np.float32):
    """Model, and starts drawn from N(0, 1) with slopes and loadings in absolute value: arguments of `adam`."""
    design, scores = _design(data, dtype), data.scores.astype(dtype)
    floor = data.score_floor.astype(dtype)
    span, n_families, n_benchmarks = 1 - floor, int(data.family.max()) + 1, scores.shape[1]

    def starts():
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=(design.shape[1], n_skills)).astype(dtype)
        weights[n_families:] = np.abs(weights[n_families:])
        loadings = np.abs(rng.normal(size=(n_skills, n_benchmarks))).astype(dtype)
        return [weights, loadings, rng.normal(size=n_benchmarks).astype(dtype)]

    def passes(params):
        weights, loadings, offsets = params
        skills = design @ weights
        share = 1 / (1 + np.exp(-(skills @ loadings + offsets)))

        def back(by_residual):
            by_eta = by_residual * span * share * (1 - share)
            return [design.T @ (by_eta @ loadings.T), skills.T @ by_eta, by_eta.sum(axis=0)]

        return floor + span * share - scores, back

    return passes, starts


def learned_link(data, start, nets, dtype=np.float32):
    """Second stage: model with nets and trained floors, from a fit with the logistic link; arguments of `adam`."""
    design, scores = _design(data, dtype), data.scores.astype(dtype)
    width, J = 10, scores.shape[1]
    cuts = np.cumsum([0, width, width, width * width, width, width, 1])
    shapes = [(1, width), (1, width), (width, width), (1, width), (width, 1), (1, 1)]
    floor = np.log((data.score_floor + 1e-5) / (1 - data.score_floor + 1e-5))

    def starts():
        first = [np.concatenate([start.intercepts, start.slopes]), start.loadings.T, start.offsets, floor]
        parts = [nets[:, a:b].reshape(J, *s) for a, b, s in zip(cuts[:-1], cuts[1:], shapes, strict=True)]
        return [np.array(p, dtype=dtype) for p in first + parts]

    def passes(params):
        weights, loadings, offsets, low, w1, b1, w2, b2, w3, b3 = params
        skills = design @ weights
        squashed = np.tanh((skills @ loadings + offsets).T[:, :, None])
        one = np.tanh(squashed * w1 + b1)
        two = np.tanh(one @ w2 + b2)
        share = (1 / (1 + np.exp(-(two @ w3 + b3))))[:, :, 0].T
        guess = 1 / (1 + np.exp(-low))

        def back(by_residual):
            by_low = ((1 - share) * by_residual).sum(axis=0) * guess * (1 - guess)
            top = (by_residual * (1 - guess) * share * (1 - share)).T[:, :, None]
            d2 = (top @ w3.transpose(0, 2, 1)) * (1 - two * two)
            d1 = (d2 @ w2.transpose(0, 2, 1)) * (1 - one * one)
            by_eta = ((d1 @ w1.transpose(0, 2, 1)) * (1 - squashed * squashed))[:, :, 0].T
            return [
                design.T @ (by_eta @ loadings.T), skills.T @ by_eta, by_eta.sum(axis=0), by_low,
                (d1 * squashed).sum(axis=1, keepdims=True), d1.sum(axis=1, keepdims=True),
                one.transpose(0, 2, 1) @ d2, d2.sum(axis=1, keepdims=True),
                two.transpose(0, 2, 1) @ top, top.sum(axis=1, keepdims=True),
            ]  # fmt: skip

        return guess + (1 - guess) * share - scores, back

    lowest = [None, None, None, None, 0, None, 0, None, 0, None]
    return passes, starts, lowest

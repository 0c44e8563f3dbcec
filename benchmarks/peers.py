"""The 28 variants of the Sloth paper's comparison, by the names of their stored results, as forecasters of ours."""

__all__ = ["SETTINGS", "variants"]

SETTINGS = ("sloth-v1-1", "sloth-v1-2", "sloth-v2-1", "sloth-v2-2", "sloth-both-1", "sloth-both-2")
LINKS = {"sigmoid": "logistic", "trainlink": "trained"}
INTERCEPTS = {"": "shared", "_faminter": "family"}


def variants(setting):
    """Map stored names to forecasters.

    With two kept models, laws of compute have slopes by family, as in the paper's code.
    """
    slope = ",slope=family" if setting.endswith("-2") else ""
    out = {}
    for ending, intercept in INTERCEPTS.items():
        out[f"logF_sigmoid{ending}"] = f"compute-huber:intercept={intercept}{slope}"
        out[f"logSlogT_sigmoid{ending}"] = f"size-tokens-huber:intercept={intercept}"
        for inputs, name in (("compute", "logF"), ("size-tokens", "logSlogT")):
            own = slope if inputs == "compute" else ""
            out[f"{name}_trainlink{ending}"] = f"sloth:inputs={inputs},joint=no,d=1,intercept={intercept}{own}"
        for link, ours in LINKS.items():
            for d in (1, 2, 3, 4):
                out[f"factor_{link}{ending}_d={d}"] = f"sloth:d={d},link={ours},intercept={intercept}"
    for d in (1, 2, 3, 4):
        out[f"pca_d={d}"] = f"pca-compute:d={d}{slope}"
    return out

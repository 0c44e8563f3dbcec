"""One panel of a picture at a time: tidy frames and Axes in, Axes out. Knows no estimator.

Called by `obslaws.report.figures` and its neighbours.
"""

from obslaws.plotting.budgets import budget_curve, level_curves
from obslaws.plotting.capabilities import capability_map, family_lines, loadings_heatmap, scree
from obslaws.plotting.colours import COLOURS
from obslaws.plotting.level_labels import label_levels
from obslaws.plotting.scores import fitted_against_measured, score_against_compute, score_against_position

__all__ = [
    "COLOURS",
    "budget_curve",
    "capability_map",
    "family_lines",
    "fitted_against_measured",
    "label_levels",
    "level_curves",
    "loadings_heatmap",
    "score_against_compute",
    "score_against_position",
    "scree",
]

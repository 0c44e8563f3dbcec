"""Placeholder."""
from obslaws.downstream.recipes import paper_recipe
def default_recipe(name, models, scores, share, link):
    return paper_recipe(name or "pc3", models, scores, share, link=="logistic-floor", "ols")

"""How to learn: settings, the walk down the path of alpha, cross-validation, the choice."""

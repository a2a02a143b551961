"""ReLU networks trained to certified global optimality: a Lasso over wedge products of training samples.

Import what you need from its module (``from wedgefit.estimators import ...``); this one stays empty so that it costs nothing.
"""

__version__ = "0.1.0"

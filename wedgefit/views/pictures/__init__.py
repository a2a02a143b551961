"""Records become pictures, by matplotlib.

Colours are those of Okabe and Ito and two perceptually even maps, so that they can be told apart by
everybody and in grey.
"""

from wedgefit.views.pictures.draw import inline, kinds_of, picture
from wedgefit.views.pictures.scene import default_kind
from wedgefit.views.pictures.style import SUFFIXES, require

__all__ = ["SUFFIXES", "default_kind", "inline", "kinds_of", "picture", "require"]

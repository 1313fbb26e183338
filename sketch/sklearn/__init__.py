"""Estimators for scikit-learn: principal components and truncated SVD of anything that is read."""

from ._pca import SketchPCA
from ._svd import SketchSVD

__all__ = ["SketchPCA", "SketchSVD"]

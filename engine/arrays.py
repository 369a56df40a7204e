"""The one name for NumPy arrays of any type; docstrings say shapes and units."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

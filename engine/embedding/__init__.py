"""Predictors in mixed-integer programs: networks and trees as rows and columns, with proven limits and a check after."""

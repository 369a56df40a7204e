"""From the name of a solver to a checked result: find, fit, validate, run, check."""

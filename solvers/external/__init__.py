"""Solvers of other projects behind Redwood's contract; each needs a package of the extra ``peers``."""

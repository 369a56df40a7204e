"""Training Q-networks: episodes, targets, comparisons between policies, regularisation."""

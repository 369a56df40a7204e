"""Finding the action that a Q-network values most: list, search, mixed-integer program."""

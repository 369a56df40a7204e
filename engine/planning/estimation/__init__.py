"""Arms from a log: who was contacted when and how they did, with what is not known about them."""

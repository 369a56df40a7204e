"""What the routing problems share: distances, neighbour lists, TSPLIB text, random nodes."""

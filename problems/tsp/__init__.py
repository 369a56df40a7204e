"""The symmetric travelling salesman problem."""

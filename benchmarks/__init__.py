"""Measurements, each run with one command; what they found is in README.md beside them."""

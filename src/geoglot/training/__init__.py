"""Fitting models: losses, the loop, checkpoints, recipes."""

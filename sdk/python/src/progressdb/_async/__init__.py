"""The shell over tasks. The one over threads is made from it."""

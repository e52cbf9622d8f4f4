# Made by generate.py from progressdb/_async/__init__.py; change that file instead.
"""The shell over tasks. The one over threads is made from it."""

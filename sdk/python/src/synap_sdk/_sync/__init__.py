# Made by generate.py from synap_sdk/_async/__init__.py; change that file instead.
"""The shell over tasks and an asynchronous HTTP client. The one over threads is made from it."""

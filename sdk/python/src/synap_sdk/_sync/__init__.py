# Made by generate.py from synap_sdk/_async/__init__.py; change that file instead.
"""One of two shells around the core; the other is made from the asynchronous one, by generate.py."""

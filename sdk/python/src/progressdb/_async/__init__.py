"""One of two shells around the core; the other is made from the asynchronous one, by generate.py."""

"""The shell over tasks and an asynchronous HTTP client. The one over threads is made from it."""

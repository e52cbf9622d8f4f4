"""Client of the chat face."""

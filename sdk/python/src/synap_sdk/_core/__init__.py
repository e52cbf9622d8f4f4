"""What both shells and both modules share. Does no I/O."""

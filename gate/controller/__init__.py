"""Effects: the loop that owns the lane, the scanner's socket, the journal, what is kept on disk."""

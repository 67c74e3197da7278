"""Reference arrays of every cell that ships, and the definitions that they were made from."""

"""The rows of the operation table, by subpackage."""

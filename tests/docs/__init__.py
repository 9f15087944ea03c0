"""The documentation's commands and code blocks run."""

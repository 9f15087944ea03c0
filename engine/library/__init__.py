"""The engine as a library: what `from engine import …` gives, in the words of its users."""

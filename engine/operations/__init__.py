"""Operations: what a caller can read or do, declared once for every door, and the handlers that carry them out."""

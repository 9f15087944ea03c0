"""The kinds of events, by what they tell of."""

"""What the cards of the flows show."""

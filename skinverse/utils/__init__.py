"""Small pieces that know nothing of inverse design."""

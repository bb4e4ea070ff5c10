"""How often the measured scale of a current is wrong, and how long until it is known."""

"""What the domain needs from the world, as protocols."""

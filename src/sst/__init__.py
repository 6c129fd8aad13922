"""Full-stack infrastructure in Python."""

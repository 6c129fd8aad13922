"""``make smoke-aws``: an app deployed to a real AWS account, step by step, and everything removed at the end."""

"""Sites with a server: from what a framework's build made to static files and a function's bundle."""

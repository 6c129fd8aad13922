"""The way from this machine to the private addresses of a stage's networks, through their bastions or tasks.

    endpoints    which addresses of the app are in a network         connection   SSH to a bastion, again and again
    local        what listens on this machine                        task         sessions through a task
    messages     of a session, as bytes                              channel      a session: bytes, in order
    streams      many connections over a session                     tunnel       all of it together
"""

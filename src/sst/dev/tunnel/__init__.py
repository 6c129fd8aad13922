"""The way from this machine to the private addresses of a stage's networks, through their bastions.

    endpoints    which addresses of the app are behind a bastion     connection   SSH to a bastion, again and again
    local        what listens on this machine                        tunnel       all of it together
"""

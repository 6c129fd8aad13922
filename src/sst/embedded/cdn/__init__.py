"""CloudFront on this machine: each distribution answers on a loopback port, by the edge functions that were deployed.

The control plane is the emulator's. Here is the data plane: the very text of the functions runs in QuickJS, with the
key value store, the cache and the origins that the distribution has.
"""
